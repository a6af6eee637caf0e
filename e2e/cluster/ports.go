package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// Ports of one node, on 127.0.0.1, with the distances every Troupe node has by default.
type Ports struct {
	Kafka   int // clients
	Control int // Kafka+1: raft and questions between nodes
	Metrics int // Kafka+2: /readyz, /debug
	Bulk    int // Kafka+3: snapshots and logs between nodes
}

const (
	firstPort  = 20000 // below the kernel's range for outgoing connections, so that no client sits on a node's port
	lastPort   = 32000
	portsBlock = 10
)

// reservePorts takes a block that no other test process has, for as long as this process lives or until release. The
// lock is a file lock, so that a crashed test leaves nothing behind.
func reservePorts() (p Ports, release func(), err error) {
	dir := filepath.Join(os.TempDir(), "troupe-e2e-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Ports{}, nil, err
	}
	blocks := (lastPort - firstPort) / portsBlock
	for range 10 * blocks {
		base := firstPort + portsBlock*rand.IntN(blocks)
		f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(base)), os.O_CREATE|os.O_RDWR, 0o666)
		if err != nil {
			return Ports{}, nil, err
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil && free(base, base+3) {
			return Ports{Kafka: base, Control: base + 1, Metrics: base + 2, Bulk: base + 3}, func() { f.Close() }, nil
		}
		f.Close()
	}
	return Ports{}, nil, fmt.Errorf("no free block of ports from %d to %d; are old nodes still running?", firstPort, lastPort)
}

func free(from, to int) bool {
	for port := from; port <= to; port++ {
		l, err := net.Listen("tcp", address(port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
