package cluster

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
)

// Ports of one node, with the distances every Troupe node has by default.
type Ports struct {
	Kafka   int // clients
	Control int // Kafka+1: raft and questions between nodes
	Metrics int // Kafka+2: /readyz, /debug
	Bulk    int // Kafka+3: snapshots and logs between nodes
}

const (
	// below the kernel's range for outgoing connections, so that no client sits on a node's port
	firstPort  = 20000
	lastPort   = 32000
	portsBlock = 10
)

// ownPorts are those of a node that has a machine to itself.
var ownPorts = portsFrom(9092)

func portsFrom(base int) Ports {
	return Ports{Kafka: base, Control: base + 1, Metrics: base + 2, Bulk: base + 3}
}

// reservePorts takes the ports of one node.
func reservePorts() (p Ports, release func(), err error) {
	base, release, err := reserve(portsBlock)
	return portsFrom(base), release, err
}

// reserve takes blocks of ports that no other test process has, for as long as this process lives
// or until release. The locks are file locks, so that a crashed test leaves nothing behind.
func reserve(n int) (base int, release func(), err error) {
	dir := filepath.Join(os.TempDir(), "troupe-e2e-ports")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return 0, nil, err
	}
	blocks := (lastPort - firstPort) / portsBlock
	for range 10 * blocks {
		base := firstPort + portsBlock*rand.IntN(blocks)
		if release, ok := lock(dir, base, n); ok && free(base, base+n-1) {
			return base, release, nil
		} else if ok {
			release()
		}
	}
	return 0, nil, fmt.Errorf("no %d free ports in a row from %d to %d; are old nodes still running?", n, firstPort, lastPort)
}

// lock takes the locks of the blocks that hold n ports from base on, or none.
func lock(dir string, base, n int) (release func(), ok bool) {
	var held []*os.File
	release = func() {
		for _, f := range held {
			f.Close()
		}
	}
	for at := base; at < base+n; at += portsBlock {
		f, err := os.OpenFile(filepath.Join(dir, strconv.Itoa(at)), os.O_CREATE|os.O_RDWR, 0o666)
		if err == nil {
			held = append(held, f)
			err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		}
		if err != nil {
			release()
			return nil, false
		}
	}
	return release, true
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

// Free reports whether nobody listens on a port.
func Free(port int) bool { return free(port, port) }

// FreeRange finds so many free ports in a row and returns the first. They stay reserved among test
// processes as long as the test runs.
func FreeRange(t testing.TB, n int) int {
	t.Helper()
	first, release, err := reserve(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return first
}
