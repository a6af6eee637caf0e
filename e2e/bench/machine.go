package main

import (
	"debug/buildinfo"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
)

// Machine is where it was measured.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	Memory     string `json:"memory"`
	Kernel     string `json:"kernel"`
	FileSystem string `json:"file_system"` // of the nodes' data
	Load       string `json:"load"`        // averages when it began: who else was at work
}

func machine(dir string) Machine {
	return Machine{
		CPU: lineOf("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(), Memory: lineOf("/proc/meminfo", "MemTotal"),
		Kernel: lineOf("/proc/sys/kernel/osrelease", ""), FileSystem: fileSystem(dir), Load: lineOf("/proc/loadavg", ""),
	}
}

// lineOf returns the first line of a file that begins with a name, without it; empty where there is
// none.
func lineOf(path, name string) string {
	text, _ := os.ReadFile(path)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strings.TrimSpace(strings.TrimLeft(rest, " \t:"))
		}
	}
	return ""
}

// fileSystem returns the type of the file system that holds a directory: that of the longest mount
// point above it.
func fileSystem(dir string) (kind string) {
	mounts, _ := os.ReadFile("/proc/self/mounts")
	best := ""
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < len(best) || !strings.HasPrefix(dir+"/", strings.TrimSuffix(f[1], "/")+"/") {
			continue
		}
		best, kind = f[1], f[2]
	}
	return kind
}

// Versions are of what was measured and of what measured it.
type Versions struct {
	Troupe string `json:"troupe"`
	Go     string `json:"go"`
	Client string `json:"client"`
}

// versions reads them from the binaries: the server says which commit it was built from, and
// whether something was changed since.
func versions(binary string) (v Versions, err error) {
	b, err := buildinfo.ReadFile(binary)
	if err != nil {
		return v, fmt.Errorf("--binary: %w", err)
	}
	v.Go, v.Troupe = b.GoVersion, b.Main.Version
	for _, s := range b.Settings {
		switch {
		case s.Key == "vcs.revision":
			v.Troupe = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			v.Troupe += " and changes"
		}
	}
	if me, ok := debug.ReadBuildInfo(); ok {
		for _, d := range me.Deps {
			if d.Path == "github.com/twmb/franz-go" {
				v.Client = "franz-go " + d.Version
			}
		}
	}
	return v, nil
}
