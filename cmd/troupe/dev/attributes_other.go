//go:build !linux

package dev

import "syscall"

// childAttributes keep the terminal's Ctrl-C from a node: the parent stops it in good order.
func childAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
