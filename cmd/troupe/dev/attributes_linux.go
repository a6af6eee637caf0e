package dev

import "syscall"

// childAttributes make a node die with its parent, and keep the terminal's Ctrl-C from it: the
// parent stops it in good order.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
