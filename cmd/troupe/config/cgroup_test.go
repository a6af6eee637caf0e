package config

import (
	"os"
	"path/filepath"
	"testing"
)

// The memory is that of the machine or the least limit of a control group around the process, in
// both versions of control groups, with and without a name space of its own.
func TestMachineMemory(t *testing.T) {
	const machine = "MemFree: 1 kB\nMemTotal:       4096 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"no limit":                 {map[string]string{"sys/fs/cgroup/memory.max": "max\n"}, 4 << 20},
		"nothing known but memory": {nil, 4 << 20},
		"a container, version 2":   {map[string]string{"sys/fs/cgroup/memory.max": "1048576\n", "proc/self/cgroup": "0::/\n"}, 1 << 20},
		"a systemd unit": {map[string]string{
			"proc/self/cgroup": "0::/system.slice/troupe.service\n", "sys/fs/cgroup/system.slice/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/troupe.service/memory.max": "2097152\n",
		}, 2 << 20},
		"a unit's MemoryHigh": {map[string]string{
			"proc/self/cgroup": "0::/troupe.service\n", "sys/fs/cgroup/troupe.service/memory.max": "3145728\n",
			"sys/fs/cgroup/troupe.service/memory.high": "2097152\n",
		}, 2 << 20},
		"the slice around it": {map[string]string{
			"proc/self/cgroup": "0::/a.slice/troupe.service\n", "sys/fs/cgroup/a.slice/memory.max": "1048576\n",
			"sys/fs/cgroup/a.slice/troupe.service/memory.max": "2097152\n",
		}, 1 << 20},
		"version 1": {map[string]string{
			"proc/self/cgroup": "5:cpu,cpuacct:/x\n4:memory:/docker/ab\n", "sys/fs/cgroup/memory/docker/ab/memory.limit_in_bytes": "1048576\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, 1 << 20},
		"a container, version 1": {map[string]string{
			"proc/self/cgroup": "4:memory:/docker/ab\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "1048576\n",
		}, 1 << 20},
		"more than there is": {map[string]string{"sys/fs/cgroup/memory.max": "1048576000\n"}, 4 << 20},
	} {
		root := t.TempDir()
		write := func(file, text string) {
			at := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("proc/meminfo", machine)
		for file, text := range c.files {
			write(file, text)
		}
		if got := machineMemory(root); got != c.want {
			t.Errorf("%s: %d bytes, want %d", name, got, c.want)
		}
	}
	if got := machineMemory(t.TempDir()); got != 0 {
		t.Errorf("where nothing is told: %d bytes, want 0", got)
	}
}
