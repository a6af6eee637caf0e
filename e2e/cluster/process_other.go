//go:build !linux

package cluster

import "syscall"

// processAttributes keeps the terminal's Ctrl-C for the test process, which stops the nodes.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// stopped cannot be told here.
func stopped(int) error { return nil }
