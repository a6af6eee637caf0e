package cluster

import "syscall"

// processAttributes makes nodes die with the test process, however that ends, and keeps the terminal's Ctrl-C for it.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
