package remote

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

const mebi = 1 << 20

func TestNodesLinkInAnyOrderWithinASecond(t *testing.T) {
	a := start(t, 1, 0)
	b := &node{t: t, id: 2, address: Address{freePort(t), freePort(t)}}
	a.peer(b) // not there yet
	within(t, time.Second, "a tells that b is not there", func() bool {
		return strings.HasPrefix(a.do("ask 2 echo 1 50"), "error") || !a.up(b)
	})
	b.run()
	t.Cleanup(b.kill)
	b.peer(a)
	if took := linked(t, a, b); took > time.Second {
		t.Fatalf("the link took %v", took)
	}
}

func TestEveryMessageArrivesInOrder(t *testing.T) {
	a, b := pair(t, 0)
	for _, c := range []struct {
		lane        string
		count, size int
	}{{"control", 10_000, 0}, {"bulk", 10_000, 100}, {"bulk", 1, 5 * mebi}, {"bulk", 2, 8 * mebi}, {"bulk", 200, 64 << 10}, {"bulk", 500, 1500}, {"bulk", 100, 130_000}, {"bulk", 300, 20_000}} {
		before, _ := b.received(a, c.lane)
		if dropped := a.send(b, c.lane, c.count, c.size); dropped > 0 {
			t.Fatalf("%+v: %d were dropped", c, dropped)
		}
		within(t, time.Minute, fmt.Sprintf("%+v arrived", c), func() bool {
			n, _ := b.received(a, c.lane)
			return n == before+c.count
		})
	}
}

// TestWhatIsExchangedIsCountedOnBothSides: all that is sent, answers and signs of life too, is
// counted where it leaves and where it arrives.
func TestWhatIsExchangedIsCountedOnBothSides(t *testing.T) {
	a, b := acquainted(t)
	sendAll(t, a, b, 20, 1000)
	for range 50 {
		if got := a.do("ask 2 echo 1000 2000") + a.do("askat %s echo 1000 2000", b.address.Control); got != "okok" {
			t.Fatal(got)
		}
	}
	counted := func(n, with *node, lane string) (sent, received [2]int) {
		fmt.Sscan(n.do("exchanged %d %s", with.id, lane), &sent[0], &sent[1], &received[0], &received[1])
		return sent, received
	}
	for _, lane := range []string{"control", "bulk"} {
		for _, way := range [][2]*node{{a, b}, {b, a}} {
			from, to := way[0], way[1]
			least, _ := counted(from, to, lane)
			within(t, 10*time.Second, fmt.Sprintf("node %d counts what node %d sent on the lane %s", to.id, from.id, lane), func() bool {
				_, received := counted(to, from, lane)
				if most, _ := counted(from, to, lane); received[0] > most[0] || received[1] > most[1] {
					t.Fatalf("on the lane %s node %d received %v frames and bytes of node %d, which sent %v", lane, to.id, received, from.id, most)
				}
				return received[0] >= least[0] && received[1] >= least[1]
			})
		}
	}
}

func TestAsk(t *testing.T) {
	a, b := pair(t, 0)
	for _, c := range []struct{ ask, want string }{
		{"ask 2 echo 0 2000", "ok"},
		{"ask 2 echo 4194304 5000", "ok"},
		{"ask 2 refuse 10 2000", "refused not here"},
		{"ask 2 nothing 10 50", "timeout"},
		{"ask 2 late 10 50", "timeout"},
		{"ask 2 late 10 2000", "ok"},
		{"ask 9 echo 10 50", "error"},
	} {
		if got := a.do("%s", c.ask); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.ask, got, c.want)
		}
	}
	for _, c := range []struct{ ask, want string }{
		{"askat " + b.address.Control + " echo 100 2000", "ok"},
		{"askat " + b.address.Control + " refuse 100 2000", "refused not here"},
		{"askat " + freePort(t) + " echo 100 50", "timeout"},
	} {
		if got := a.do("%s", c.ask); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.ask, got, c.want)
		}
	}
	if got := b.do("ask 1 echo 100 2000"); got != "ok" {
		t.Errorf("the other way: %s", got)
	}
}

// A full window drops, and what the peer acknowledges makes room again.
func TestTheWindowBoundsWhatIsUnderWay(t *testing.T) {
	const window = 4 * mebi
	a, b := pair(t, window)
	b.signal(syscall.SIGSTOP)
	dropped := a.send(b, "bulk", 100, mebi)
	if taken := 100 - dropped; taken < 3 || taken > 4 {
		t.Errorf("%d MiB were taken by a window of 4", taken)
	}
	b.signal(syscall.SIGCONT)
	sendAll(t, a, b, 100, mebi)
}

// sendAll sends messages one by one until so many have arrived that a window that leaks or sticks
// would have run dry.
func sendAll(t *testing.T, a, b *node, count, size int) {
	t.Helper()
	sendAllBy(t, "bulk", a, b, count, size)
}

func sendAllBy(t *testing.T, lane string, a, b *node, count, size int) {
	t.Helper()
	before, _ := b.received(a, lane)
	for arrived := before; arrived < before+count; {
		// a machine that is busy takes longer for all of them, and not for one
		within(t, 20*time.Second, fmt.Sprintf("another one of %d messages of %d bytes arrived, after %d", count, size, arrived-before), func() bool {
			a.send(b, lane, 1, size)
			n, _ := b.received(a, lane)
			more := n > arrived
			arrived = n
			return more
		})
	}
}

// What is told shares the windows of its lane, and credit comes back for it.
func TestWhatIsToldArrivesWithinTheWindow(t *testing.T) {
	a, b := pair(t, 4*mebi)
	b.signal(syscall.SIGSTOP)
	if taken := 100 - a.send(b, "carry", 100, mebi); taken < 3 || taken > 4 {
		t.Errorf("%d MiB were taken by a window of 4", taken)
	}
	b.signal(syscall.SIGCONT)
	sendAllBy(t, "carry", a, b, 50, mebi)
	sendAllBy(t, "tell", a, b, 50, 100)
	sendAll(t, a, b, 50, mebi)
}

func TestAKilledPeerIsNoticedAndLinkedAgain(t *testing.T) {
	a, b := pair(t, 4*mebi)
	for round := range 3 {
		sendAll(t, a, b, 20, mebi)
		sendAll(t, b, a, 20, mebi)
		b.kill()
		took := within(t, 2*time.Second, "a notices that b is gone", func() bool { return !a.up(b) })
		if dropped := a.send(b, "control", 10, 0); dropped != 10 {
			t.Errorf("of 10 messages to a dead peer %d were reported", dropped)
		}
		b.run()
		b.peer(a)
		again := linked(t, a, b)
		t.Logf("round %d: down after %v, up %v after it listened", round, took, again)
		if again > time.Second {
			t.Errorf("the link took %v", again)
		}
		sendAll(t, a, b, 20, mebi)
	}
}

func TestAFrozenPeerIsNoticed(t *testing.T) {
	a, b := pair(t, 0)
	b.signal(syscall.SIGSTOP)
	took := within(t, 2*time.Second, "a notices that b is silent", func() bool { return !a.up(b) })
	b.signal(syscall.SIGCONT)
	again := linked(t, a, b)
	t.Logf("down after %v, up again %v after it went on", took, again)
	if again > time.Second {
		t.Errorf("the link took %v", again)
	}
	sendAll(t, a, b, 50, mebi)
}

func TestAForgottenPeerIsForgotten(t *testing.T) {
	a, b := pair(t, 0)
	a.do("forget 2")
	if got := a.do("ask 2 echo 1 100"); !strings.HasPrefix(got, "error") {
		t.Errorf("a forgotten peer was asked: %s", got)
	}
	if dropped := a.send(b, "bulk", 1, 1); dropped != 1 {
		t.Error("a message to a forgotten peer was not reported")
	}
	a.peer(b)
	linked(t, a, b)
	sendAll(t, a, b, 100, mebi)
}

// Protoactor by itself would wait for a peer that never comes, with its goroutines, for ever.
func TestAForgottenPeerThatNeverCameLeavesNothing(t *testing.T) {
	a := start(t, 1, 0)
	routines := func() (n int) {
		fmt.Sscan(a.do("routines"), &n)
		return n
	}
	before := routines()
	for id := range 5 {
		a.peer(&node{t: t, id: 100 + id, address: Address{freePort(t), freePort(t)}})
	}
	within(t, 5*time.Second, "a dials", func() bool { return routines() >= before+5 })
	for id := range 5 {
		a.do("forget %d", 100+id)
	}
	within(t, 10*time.Second, "a stops dialling", func() bool { return routines() <= before })
}
