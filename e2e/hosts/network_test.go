//go:build linux

package hosts

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"
)

// peer is a socket for datagrams on a host, or in this process if the host is 0.
type peer struct {
	t    *testing.T
	conn net.PacketConn
}

func listen(t *testing.T, l *Lab, host int) peer {
	t.Helper()
	var conn net.PacketConn
	var err error
	if host == Clients {
		conn, err = net.ListenPacket("udp4", net.JoinHostPort(l.at(clientsByte).String(), "0"))
	} else {
		h := l.Host(host)
		err = h.Do(func() (err error) { conn, err = net.ListenPacket("udp4", net.JoinHostPort(h.IP(), "0")); return err })
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return peer{t, conn}
}

func (p peer) send(to peer, text string) {
	p.t.Helper()
	if _, err := p.conn.WriteTo([]byte(text), to.conn.LocalAddr()); err != nil {
		p.t.Fatal(err)
	}
}

func (p peer) receive(limit time.Duration) (string, error) {
	buffer := make([]byte, 100)
	_ = p.conn.SetReadDeadline(time.Now().Add(limit))
	n, _, err := p.conn.ReadFrom(buffer)
	return string(buffer[:n]), err
}

func (p peer) wants(text string) {
	p.t.Helper()
	if got, err := p.receive(10 * time.Second); err != nil || got != text {
		p.t.Fatalf("received %q (%v), want %q", got, err, text)
	}
}

func TestLinks(t *testing.T) {
	Need(t)
	l := New(t, Options{Hosts: 2})
	us, one, two := listen(t, l, Clients), listen(t, l, 1), listen(t, l, 2)

	one.send(two, "a")
	two.wants("a")
	us.send(one, "b")
	one.wants("b")

	l.Network.Apply(map[Path]Link{{1, 2}: {Cut: true}})
	one.send(two, "cut")
	two.send(one, "the other way")
	one.wants("the other way")
	one.send(us, "c")
	us.wants("c")
	if got, err := two.receive(100 * time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("host 2 received %q (%v) over a link that is cut", got, err)
	}
	if lost := l.Network.Lost(Path{1, 2}); lost != 1 {
		t.Errorf("%d packets lost, want 1", lost)
	}

	const late = 200 * time.Millisecond
	l.Network.Apply(map[Path]Link{{1, 2}: {Delay: late}})
	sent := time.Now()
	one.send(two, "late")
	two.wants("late")
	if took := time.Since(sent); took < late {
		t.Errorf("a packet took %s over a link with a delay of %s", took, late)
	}
	l.Network.Apply(nil)
	one.send(two, "healed")
	two.wants("healed")
}

func TestLossIsAPartOfThePackets(t *testing.T) {
	Need(t)
	l := New(t, Options{Hosts: 2})
	one, two := listen(t, l, 1), listen(t, l, 2)
	l.Network.Apply(map[Path]Link{{1, 2}: {Loss: 0.5}})
	const sent = 100 // few enough to wait in a socket together
	for range sent {
		one.send(two, "x")
	}
	got := 0
	for deadline := time.Now().Add(10 * time.Second); got+int(l.Network.Lost(Path{1, 2})) < sent && time.Now().Before(deadline); {
		if _, err := two.receive(100 * time.Millisecond); err == nil {
			got++
		}
	}
	if lost := l.Network.Lost(Path{1, 2}); lost < sent/5 || lost > sent*4/5 || got+int(lost) != sent {
		t.Errorf("of %d packets %d arrived and %d were lost", sent, got, lost)
	}
}

// A process on a host has the host's address and no other way out.
func TestProcessesLiveOnTheirHost(t *testing.T) {
	Need(t)
	l := New(t, Options{Hosts: 1})
	cmd := exec.Command("cat", "/proc/self/net/dev")
	var out writer
	cmd.Stdout = &out
	if err := errors.Join(l.Host(1).Do(cmd.Start), cmd.Wait()); err != nil {
		t.Fatal(err)
	}
	if !out.has("eth0") || out.has("troupe") {
		t.Errorf("the host's interfaces are %s", out.text)
	}
}
