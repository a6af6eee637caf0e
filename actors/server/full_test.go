package server

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// alive reports whether a connection is served; one that is turned away ends.
func alive(c client) bool {
	if _, err := c.Write(encode(kmsg.NewPtrMetadataRequest(), 12, 1)); err != nil {
		return false
	}
	n, _ := c.Read(make([]byte, 4))
	return n > 0
}

func TestConnectionsLeaveDescriptorsForTheStore(t *testing.T) {
	probe, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	const clients = 40
	// both ends of a connection are in this process
	limit := 2*(int(probe.Fd())+2*clients) + leastReserve
	probe.Close()
	s, address, logged := serve(t, Options{Descriptors: limit}, echo)
	most := mostDescriptor(limit)
	var first client
	for range limit {
		c := dial(t, address)
		if first.Conn == nil {
			first = c
		}
		if !alive(c) {
			if n := s.Connections(); n < clients/2 || descriptorOf(c.Conn) > limit {
				t.Errorf("a client is turned away when there are %d, of %d descriptors", n, limit)
			}
			if !alive(first) {
				t.Error("one that was let in is not served any more")
			}
			eventually(t, "it is told and counted", func() bool {
				return strings.Contains(logged.String(), "ulimit -n") && s.Read().TurnedAway > 0
			})
			return
		}
	}
	t.Fatalf("%d clients are connected, descriptor %d is the last", s.Connections(), most)
}

func TestOneAddressGetsItsShareOfConnections(t *testing.T) {
	s, address, logged := serve(t, Options{MaxPerAddress: 3}, echo)
	var last client
	for range 3 {
		if last = dial(t, address); !alive(last) {
			t.Fatal("one of the first three is turned away")
		}
	}
	if alive(dial(t, address)) {
		t.Error("a fourth connection from one address is served")
	}
	last.Close()
	eventually(t, "the third is gone", func() bool { return s.Connections() == 2 })
	if !alive(dial(t, address)) {
		t.Error("another one in its place is turned away")
	}
	if !strings.Contains(logged.String(), "max.connections.per.ip") || s.Read().TurnedAway != 1 {
		t.Errorf("%d were turned away; %s", s.Read().TurnedAway, logged)
	}
}

func TestReserveOfDescriptors(t *testing.T) {
	for limit, want := range map[int]int{0: 0, 100: 50, 512: 448, 1024: 896, 65536: 61440, 1 << 20: 1<<20 - 4096} {
		if got := mostDescriptor(limit); got != want {
			t.Errorf("of %d descriptors clients may have those up to %d, want %d", limit, got, want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	spare := Spare(l).(*spared)
	spare.most = 1 // all descriptors of a test are beyond it
	go spare.Accept()
	c := dial(t, l.Addr().String())
	c.ends()
}
