//go:build linux

package hosts

import (
	"errors"
	"maps"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Network forwards packets between hosts, each by what its path's Link says at that moment.
type Network struct {
	links atomic.Pointer[map[Path]Link]
	lost  sync.Map // Path to *atomic.Int64

	mu struct {
		sync.Mutex
		ports map[int]*port
	}
	done sync.WaitGroup
}

// port is where a host is plugged in.
type port struct {
	host   int
	tun    *os.File
	delays map[int]chan<- delayed // by receiver; owned by the forwarding goroutine
}

type delayed struct {
	packet []byte
	due    time.Time
}

// delaysHeld is how many packets of a path may wait at once; what comes then is lost, as in a
// switch.
const delaysHeld = 4096

func newNetwork() *Network {
	n := &Network{}
	n.mu.ports = map[int]*port{}
	n.Apply(nil)
	return n
}

// Apply replaces all links at once: no packet that is sent after it returned is treated by the old
// ones. What is not named is delivered.
func (n *Network) Apply(links map[Path]Link) {
	links = maps.Clone(links)
	n.links.Store(&links)
}

// Lost is how many packets of a path were not delivered since the network was made.
func (n *Network) Lost(p Path) int64 {
	if c, ok := n.lost.Load(p); ok {
		return c.(*atomic.Int64).Load()
	}
	return 0
}

func (n *Network) plug(host int, tun *os.File) {
	p := &port{host: host, tun: tun, delays: map[int]chan<- delayed{}}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.mu.ports[host] = p
	n.done.Go(func() { n.forward(p) })
}

func (n *Network) port(host int) *port {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.mu.ports[host]
}

// close unplugs all hosts.
func (n *Network) close() error {
	n.mu.Lock()
	var errs []error
	for _, p := range n.mu.ports {
		errs = append(errs, p.tun.Close())
	}
	n.mu.Unlock()
	n.done.Wait()
	return errors.Join(errs...)
}

// forward handles what a host sends, until it is unplugged.
func (n *Network) forward(from *port) {
	defer func() {
		for _, line := range from.delays {
			close(line)
		}
	}()
	buffer := make([]byte, 1<<16)
	for {
		size, err := from.tun.Read(buffer)
		if err != nil {
			return
		}
		if to := n.receiver(buffer[:size]); to != nil {
			n.pass(from, to, buffer[:size])
		}
	}
}

// receiver finds the host by the last byte of an IPv4 packet's destination.
func (n *Network) receiver(packet []byte) *port {
	const header, destination = 20, 16
	if len(packet) < header || packet[0]>>4 != 4 {
		return nil
	}
	return n.port(hostOf(packet[destination+3]))
}

func (n *Network) pass(from, to *port, packet []byte) {
	path := Path{from.host, to.host}
	link := (*n.links.Load())[path]
	switch {
	case link.Cut || link.Loss > 0 && rand.Float64() < link.Loss:
		n.lose(path)
	case link.Delay > 0 || from.delays[to.host] != nil:
		// once delayed, a path keeps its line, or packets would overtake
		n.delay(from, to, append([]byte(nil), packet...), time.Now().Add(link.Delay))
	default:
		_, _ = to.tun.Write(packet) // what a host does not take is lost, as on any network
	}
}

func (n *Network) lose(p Path) {
	c, _ := n.lost.LoadOrStore(p, new(atomic.Int64))
	c.(*atomic.Int64).Add(1)
}

func (n *Network) delay(from, to *port, packet []byte, due time.Time) {
	line := from.delays[to.host]
	if line == nil {
		waiting := make(chan delayed, delaysHeld)
		n.done.Go(func() { deliver(waiting, to) })
		line, from.delays[to.host] = waiting, waiting
	}
	select {
	case line <- delayed{packet, due}:
	default:
		n.lose(Path{from.host, to.host})
	}
}

// deliver hands over packets when they are due.
func deliver(waiting <-chan delayed, to *port) {
	for d := range waiting {
		if wait := time.Until(d.due); wait > 0 {
			<-time.After(wait)
		}
		_, _ = to.tun.Write(d.packet)
	}
}
