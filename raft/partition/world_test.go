package partition

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// logged is an entry of a simulated log; entry i of a log has index i+1.
type logged struct {
	term uint64
	data []byte
}

// host is one replica of the world: as much of Raft as decides which entries are in its log and
// which are committed.
type host struct {
	p       *Partition
	term    uint64
	leads   bool
	log     []logged
	commit  int
	match   map[*host]int // on a leader: how far the others are known to agree
	applied []byte        // newest snapshot: what the host starts from after a crash
	waiting []*promise
}

// promise is an answer that a client waits for.
type promise struct {
	of *request
	at Staged
}

// request is a batch of one client that it repeats until it is acknowledged.
type request struct {
	sent  sent
	acked bool
	at    int64 // where it was acknowledged
}

// client is an idempotent producer with at most five requests that are not acknowledged.
type client struct {
	id   int64
	next int32
	sent []*request
}

// world is a shard of three replicas under elections, lost messages, dropped proposals, truncations
// and crashes.
type world struct {
	t       *rapid.T
	hosts   []*host
	clients []*client
	states  map[uint64][]byte // by index: the state of whoever applied it first
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, states: map[uint64][]byte{}}
	for range 3 {
		w.hosts = append(w.hosts, &host{p: New(Limits{EntryBytes: 300})})
	}
	for id := range int64(2) {
		w.clients = append(w.clients, &client{id: id})
	}
	return w
}

// bits draws eight fair bits: rapid's ranges prefer small numbers, and a history of those does not
// get far.
var bits = rapid.Custom(func(t *rapid.T) int {
	v := 0
	for range 8 {
		v *= 2
		if rapid.Bool().Draw(t, "bit") {
			v++
		}
	}
	return v
})

// dice draws from [0, n), n at most 256.
func (w *world) dice(n int, label string) int { return bits.Draw(w.t, label) * n / 256 }

func (w *world) host(label string) *host { return w.hosts[w.dice(3, label)] }

// leader returns one of those that believe that they lead, the newest mostly; nil if there is none.
func (w *world) leader() *host {
	var leader *host
	for _, h := range w.hosts {
		if h.leads && (leader == nil || h.term > leader.term || w.dice(8, "old leader") == 0) {
			leader = h
		}
	}
	return leader
}

func (h *host) lastTerm() uint64 {
	if len(h.log) == 0 {
		return 0
	}
	return h.log[len(h.log)-1].term
}

// append puts an entry into a host's log at position at.
func (w *world) append(h *host, at int, e logged) {
	h.log = append(h.log[:at], e)
	if err := h.p.Append(uint64(at+1), e.term, e.data); err != nil {
		w.t.Fatal(err)
	}
}

// elect makes a host leader with the vote of one other, if its log allows that.
func (w *world) elect(c, voter *host) {
	behind := c.lastTerm() < voter.lastTerm() || c.lastTerm() == voter.lastTerm() && len(c.log) < len(voter.log)
	if c == voter || behind {
		return
	}
	term := max(c.term, voter.term) + 1
	w.adopt(voter, term)
	w.adopt(c, term)
	c.leads, c.match = true, map[*host]int{}
	w.append(c, len(c.log), logged{term: term})
	c.p.Lead(term)
}

// adopt makes a host follow in a newer term: nobody who waits there gets an answer.
func (w *world) adopt(h *host, term uint64) {
	h.term, h.leads, h.waiting = term, false, nil
	h.p.Follow()
}

// replicate brings a follower's log to the leader's up to a position, and tells it what is
// committed.
func (w *world) replicate(l, f *host, upto int) {
	if l == f || !l.leads || l.term < f.term {
		return
	}
	if l.term > f.term {
		w.adopt(f, l.term)
	}
	same := 0
	for same < len(f.log) && same < len(l.log) && f.log[same].term == l.log[same].term {
		same++
	}
	for i := same; i < upto; i++ {
		w.append(f, i, l.log[i])
	}
	l.match[f] = max(l.match[f], upto)
	w.advance(l)
	if upto >= same {
		f.commit = max(f.commit, min(l.commit, upto))
	}
}

// advance commits what a majority has, if its last entry is of the leader's term.
func (w *world) advance(l *host) {
	for _, n := range l.match {
		if n > l.commit && l.log[n-1].term == l.term {
			l.commit = n
		}
	}
}

// propose puts what a leader has cut into its log, unless raft drops it.
func (w *world) propose(l *host, drop bool) {
	cut := l.p.Cut()
	if drop {
		l.p.Unstage()
		l.waiting = nil
		return
	}
	for _, data := range cut {
		w.append(l, len(l.log), logged{l.term, bytes.Clone(data)})
		l.p.Recycle(data)
	}
}

// produce lets a client send a new request or repeat newest ones. As Kafka's clients do, it sends
// in order: no request before those that are older and not acknowledged.
func (w *world) produce(c *client, l *host) {
	open := 0
	for _, r := range c.sent {
		if !r.acked {
			open++
		}
	}
	if open < keptBatches && w.dice(3, "new") > 0 {
		n := 1 + w.dice(3, "records")
		value := fmt.Sprintf("%d/%d", c.id, c.next)
		c.sent = append(c.sent, &request{sent: sent{producer: c.id, seq: c.next, records: n, time: int64(len(c.sent)), value: value}})
		c.next += int32(n)
	}
	upto := len(c.sent) - w.dice(min(keptBatches, len(c.sent)+1), "requests")
	w.sendAll(c, c.sent[:upto], l)
}

// sendAll sends the requests that are not acknowledged in order, and sometimes one that is.
func (w *world) sendAll(c *client, requests []*request, l *host) {
	for i, r := range requests {
		known := r.acked && i >= len(c.sent)-keptBatches
		if known && rapid.Bool().Draw(w.t, "again") || !r.acked {
			w.send(r, l)
		}
	}
}

func (w *world) send(r *request, l *host) {
	at, err := l.p.Stage(r.sent.batch(), StageOptions{AppendTime: -1})
	if err != nil {
		if w.newest(l) {
			w.t.Fatalf("%q is refused: %v", r.sent.value, err)
		}
		// this one was deposed without knowing it, and lacks what the client's acknowledgements are about
		return
	}
	l.waiting = append(l.waiting, &promise{r, at})
	w.answer(l)
}

func (w *world) newest(l *host) bool {
	for _, h := range w.hosts {
		if h.term > l.term {
			return false
		}
	}
	return true
}

// answer acknowledges what is committed.
func (w *world) answer(l *host) {
	left := l.waiting[:0]
	for _, p := range l.waiting {
		if p.at.Until > l.p.HighWatermark() {
			left = append(left, p)
			continue
		}
		if p.of.acked && p.of.at != p.at.BaseOffset {
			w.t.Fatalf("%q was acknowledged at %d and then at %d", p.of.sent.value, p.of.at, p.at.BaseOffset)
		}
		p.of.acked, p.of.at = true, p.at.BaseOffset
	}
	l.waiting = left
}

// apply applies what a host knows to be committed, up to some entry, and compares its state with
// the others'.
func (w *world) apply(h *host, upto int) {
	for i := int(h.p.index); i < upto; i++ {
		before := h.p.HighWatermark()
		result, err := h.p.Apply(uint64(i+1), h.log[i].term, h.log[i].data)
		if err != nil {
			w.t.Fatal(err)
		}
		if a := result.(Applied); a.Next < before || a.Next != h.p.HighWatermark() || a.Start != h.p.Start() {
			w.t.Fatalf("the high watermark went from %d to %d", before, a.Next)
		}
		state := h.p.Snapshot()
		if first, ok := w.states[h.p.index]; ok && !bytes.Equal(first, state) {
			w.t.Fatalf("two replicas differ at entry %d", h.p.index)
		}
		w.states[h.p.index] = state
		if w.dice(4, "checkpoint") == 0 {
			h.applied = state
		}
	}
	if h.leads {
		w.answer(h)
	}
}

// crash starts a host again from its newest checkpoint and its log.
func (w *world) crash(h *host) {
	h.p = New(Limits{EntryBytes: 300})
	if err := h.p.Restore(h.applied); err != nil {
		w.t.Fatal(err)
	}
	h.leads, h.waiting = false, nil
	for i := int(h.p.index); i < len(h.log); i++ {
		if err := h.p.Append(uint64(i+1), h.log[i].term, h.log[i].data); err != nil {
			w.t.Fatal(err)
		}
	}
	w.apply(h, h.commit)
}

func (w *world) step() {
	l := w.leader()
	if l == nil || w.dice(40, "elect") == 0 {
		w.elect(w.host("candidate"), w.host("voter"))
		return
	}
	switch action := w.dice(100, "action"); {
	case action < 30:
		w.produce(w.clients[w.dice(len(w.clients), "client")], l)
	case action < 50:
		w.propose(l, w.dice(12, "drop") == 0)
	case action < 70:
		w.replicate(l, w.host("follower"), len(l.log)-w.dice(min(3, len(l.log)+1), "behind"))
	case action < 74:
		w.trim(l)
	case action < 77:
		w.read(l)
	case action < 97:
		h := w.host("applier")
		w.apply(h, max(h.commit-w.dice(3, "short"), int(h.p.index)))
	default:
		w.crash(w.host("crashed"))
	}
}

// read puts a reading of the leader's clock into the log, which goes back and forth, but by far
// less than producers are remembered.
func (w *world) read(l *host) {
	const expiration = 1 << 20
	if now := 1<<30 + int64(bits.Draw(w.t, "clock"))<<10; l.p.ClockDue(now, expiration) {
		l.p.StageClock(now, expiration)
	}
}

func (w *world) trim(l *host) {
	to := l.p.HighWatermark() - int64(w.dice(10, "trim"))
	if _, _, err := l.p.StageTrim(max(to, 0)); err != nil {
		w.t.Fatal(err)
	}
}

// heal elects somebody and brings everybody to the same place.
func (w *world) heal() *host {
	best := w.hosts[0]
	for _, h := range w.hosts[1:] {
		if h.lastTerm() > best.lastTerm() || h.lastTerm() == best.lastTerm() && len(h.log) > len(best.log) {
			best = h
		}
	}
	for _, h := range w.hosts {
		w.elect(best, h)
	}
	for _, c := range w.clients {
		w.sendAll(c, c.sent, best)
	}
	w.propose(best, false)
	for range 2 {
		for _, h := range w.hosts {
			w.replicate(best, h, len(best.log))
			w.apply(h, h.commit)
		}
	}
	return best
}

// check reads the committed log as a consumer would.
func (w *world) check(h *host) {
	next := int64(0)
	at := map[string]int64{}
	for i, e := range h.log[:h.commit] {
		header, ok, err := ParseHeader(e.data)
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok || header.Kind != KindRecords {
			continue
		}
		if header.BaseOffset != next {
			w.t.Fatalf("entry %d begins at %d, the one before ends at %d", i+1, header.BaseOffset, next)
		}
		next, err = header.each(e.data, func(b batch.Batch) {
			records, err := b.Records()
			if err != nil || uint64(b.LeaderEpoch()) != e.term {
				w.t.Fatalf("entry %d of term %d holds epoch %d: %v", i+1, e.term, b.LeaderEpoch(), err)
			}
			value := string(records[0].Value)
			if first, ok := at[value]; ok {
				w.t.Fatalf("%q is at %d and at %d", value, first, b.BaseOffset())
			}
			at[value] = b.BaseOffset()
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if next != h.p.HighWatermark() {
		w.t.Fatalf("the committed log ends at %d, the high watermark is %d", next, h.p.HighWatermark())
	}
	w.checkClients(at)
}

// checkClients looks for every request where it was acknowledged, and for all of them in order.
func (w *world) checkClients(at map[string]int64) {
	for _, c := range w.clients {
		last := int64(-1)
		for _, r := range c.sent {
			offset, ok := at[r.sent.value]
			if !r.acked || !ok || offset != r.at {
				w.t.Fatalf("%q: acknowledged %v at %d, found %v at %d", r.sent.value, r.acked, r.at, ok, offset)
			}
			if offset <= last {
				w.t.Fatalf("%q is at %d, before the one that was sent first", r.sent.value, offset)
			}
			last = offset
		}
	}
}

// Whatever happens to leaders and logs: committed offsets are never reused or left out, what is
// acknowledged is there once, in order and where it was promised, a repetition changes nothing, and
// replicas that applied the same entries are in the same state, those that started from a snapshot
// too.
func TestHistoryOfLeaders(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range 50 + 2*bits.Draw(t, "steps") {
			w.step()
		}
		w.check(w.heal())
	})
}
