package cluster

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// processAttributes makes nodes die with the test process, however that ends, and keeps the
// terminal's Ctrl-C for it.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// stopped tells which thread of a process may run on. One that waits in the kernel, for a disk that
// stands still (D), meets the stop on its way out.
func stopped(pid int) error {
	// fails only for a bad pattern
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, t := range threads {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // it ended
		}
		if _, after, ok := bytes.Cut(b, []byte(") ")); ok && len(after) > 0 && !strings.ContainsRune("TtDZX", rune(after[0])) {
			return fmt.Errorf("%s is in state %c", filepath.Dir(t), after[0])
		}
	}
	return nil
}
