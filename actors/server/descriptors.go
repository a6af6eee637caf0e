package server

import (
	"net"
	"syscall"
)

// Descriptors of files are shared by clients, the store and the links between nodes. The store
// cannot begin a file without one, which ends the node, so clients are turned away before the last
// ones: an eighth of them, within these bounds, is for everybody else.
const (
	leastReserve = 64
	mostReserve  = 4096
)

// mostDescriptor returns the largest descriptor that a client's connection may have in a process
// that may have so many. The system gives out the smallest that is free, so the number of a new one
// tells how many are in use at least. 0 means that there is no bound.
func mostDescriptor(limit int) int {
	if limit <= 0 {
		return 0
	}
	return max(limit-min(max(limit/8, leastReserve), mostReserve), limit/2)
}

// descriptorOf returns the number of a connection's descriptor, 0 if it has none.
func descriptorOf(c net.Conn) (n int) {
	s, ok := c.(syscall.Conn)
	if !ok {
		return 0
	}
	raw, err := s.SyscallConn()
	if err != nil || raw.Control(func(fd uintptr) { n = int(fd) }) != nil {
		return 0
	}
	return n
}

// spared is a listener that closes what would take the descriptors that are kept for the store.
type spared struct {
	net.Listener
	most int
}

// Spare makes of a listener one that is for operators: what comes in while clients may not connect
// is let in as long as half of what is kept for the store is free.
func Spare(l net.Listener) net.Listener {
	limit := descriptorLimit()
	return &spared{l, (mostDescriptor(limit) + limit) / 2}
}

// Accept implements net.Listener.
func (s *spared) Accept() (net.Conn, error) {
	for {
		c, err := s.Listener.Accept()
		if err != nil || s.most == 0 || descriptorOf(c) <= s.most {
			return c, err
		}
		c.Close()
	}
}
