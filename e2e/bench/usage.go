package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Usage is what a process used: in a Sample over a run, from readUsage since the process began.
// Memory is of the moment.
type Usage struct {
	CPU       float64 `json:"cpu_seconds"`   // user and system
	Written   int64   `json:"written_bytes"` // of files, pages dirtied through maps included
	Anonymous int64   `json:"anonymous_bytes"`
	Resident  int64   `json:"resident_bytes"` // pages of mapped files included
}

// clockTicks is the unit of /proc's CPU times: USER_HZ, 100 a second on every architecture that Go
// runs on.
const clockTicks = 100

// readUsage asks /proc.
func readUsage(pid int) (u Usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	_, behind, _ := strings.Cut(string(stat), ") ") // the name before may hold anything
	fields := strings.Fields(behind)
	for _, i := range []int{11, 12} { // utime, stime: fields 14 and 15, counted from behind the name
		ticks, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return u, err
		}
		u.CPU += ticks / clockTicks
	}
	if u.Written, err = procNumber(pid, "io", "write_bytes:"); err != nil {
		return u, err
	}
	for name, field := range map[string]*int64{"RssAnon:": &u.Anonymous, "VmRSS:": &u.Resident} {
		kib, err := procNumber(pid, "status", name)
		if err != nil {
			return u, err
		}
		*field = kib << 10
	}
	return u, nil
}

// procNumber returns the number behind a name in a file of /proc.
func procNumber(pid int, file, name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			return strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		}
	}
	return 0, fmt.Errorf("/proc/%d/%s has no %s", pid, file, name)
}

// since is what was used since an earlier moment.
func (u Usage) since(before Usage) Usage {
	u.CPU -= before.CPU
	u.Written -= before.Written
	return u
}
