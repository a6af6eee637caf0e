package config

import (
	"os"
	"path/filepath"
	"testing"
)

func TestParseMemory(t *testing.T) {
	for v, want := range map[string]int64{"268435456": 1 << 28, "512MiB": 1 << 29, "2GiB": 2 << 30, "1TiB": 1 << 40} {
		if got, err := parseMemory(v); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", v, got, err, want)
		}
	}
	for _, v := range []string{"2GB", "-1", "1.5GiB", "9000000000GiB", "GiB", "255MiB"} {
		if err := memory(v); err == nil {
			t.Errorf("memory = %q was taken", v)
		}
	}
}

func TestMachineMemory(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	info, max, limited := file("meminfo", "MemFree: 1 kB\nMemTotal:       4096 kB\n"), file("max", "max\n"), file("limited", "1048576\n")
	for _, c := range []struct {
		meminfo, limit string
		want           int64
	}{{info, max, 4 << 20}, {info, limited, 1 << 20}, {"none", limited, 1 << 20}, {info, "none", 4 << 20}, {"none", "none", 0}} {
		if got := machineMemory(c.meminfo, c.limit); got != c.want {
			t.Errorf("%s with %s: %d bytes, want %d", c.meminfo, c.limit, got, c.want)
		}
	}
}
