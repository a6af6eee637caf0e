package config

import (
	"math"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// MachineMemory is the memory in bytes that this process may use: that of the machine, or the least
// that one of its control groups allows (a container's, a systemd unit's MemoryMax or MemoryHigh);
// 0 where the system does not tell.
func MachineMemory() int64 { return machineMemory("/") }

// machineMemory looks below root, which is "/" but in tests.
func machineMemory(root string) int64 {
	least := totalMemory(filepath.Join(root, "proc/meminfo"))
	for _, file := range limitFiles(root) {
		if n, ok := limit(file); ok && (least == 0 || n < least) {
			least = n
		}
	}
	return least
}

func totalMemory(meminfo string) int64 {
	text, _ := os.ReadFile(meminfo)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			return kib << 10
		}
	}
	return 0
}

// limitFiles are where limits of this process's control groups may stand: those of the group and of
// every one around it, for each of them holds. The root of the hierarchy is among them: in a
// container it is the container's group, whatever path /proc/self/cgroup names.
func limitFiles(root string) (files []string) {
	text, _ := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	for line := range strings.Lines(string(text) + "\n0::/\n0:memory:/\n") {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		mount, names := "sys/fs/cgroup", []string{"memory.max", "memory.high"} // version 2
		switch {
		case hasWord(parts[1], "memory"):
			mount, names = "sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"} // version 1
		case parts[1] != "":
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			for _, name := range names {
				files = append(files, filepath.Join(root, mount, group, name))
			}
			if group == "/" {
				break
			}
		}
	}
	return files
}

func hasWord(list, word string) bool {
	for w := range strings.SplitSeq(list, ",") {
		if w == word {
			return true
		}
	}
	return false
}

// noLimit is what version 1 of control groups says, rounded down to a page, where there is no
// limit.
const noLimit = math.MaxInt64 >> 13

// limit reads one limit; false if there is none.
func limit(file string) (int64, bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil && n > 0 && n < noLimit
}
