package raft

import (
	"fmt"
	"slices"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// TestNothingIsLostWhileMembersChange runs a shard whose wanted members change again and again,
// through loss, reordering, crashes and transfers. Replicas that come are blank, those that have
// left never run again. At the end the members are those wanted last, and they hold whatever was
// acknowledged.
func TestNothingIsLostWhileMembersChange(t *testing.T) {
	acked, changes, refused := 0, 0, 0
	for seed := range seeds(60) {
		for _, compact := range []bool{false, true} {
			t.Run(fmt.Sprintf("seed=%d,compact=%v", seed, compact), func(t *testing.T) {
				d := newDirector(newWorld(t, seed, compact))
				for range 12_000 {
					d.step(true)
				}
				d.heal()
				acked, changes, refused = acked+len(d.acked), changes+d.changes, refused+d.refused
			})
		}
	}
	t.Logf("%d values acknowledged, %d changes of members proposed, %d turned into nothing", acked, changes, refused)
	if acked < 10_000 || changes < 500 {
		t.Fatal("that proves little")
	}
}

// director has a world change its members.
type director struct {
	*world
	want             Wanted
	changes, refused int
}

func newDirector(w *world) *director {
	d := &director{world: w}
	for _, m := range w.members {
		d.want.Voters = append(d.want.Voters, m.id)
	}
	return d
}

func (d *director) step(faults bool) {
	switch p := d.rng.Intn(1000); {
	case p < 2 && faults && len(d.members) < 12:
		d.another()
	case p < 40:
		d.reconfigure(d.members[d.rng.Intn(len(d.members))])
	default:
		d.world.step(faults)
	}
}

// another changes what is wanted: a new replica comes, or one goes, or changes its role.
func (d *director) another() {
	w := Wanted{slices.Clone(d.want.Voters), slices.Clone(d.want.Learners)}
	switch at := d.rng.Intn(len(w.Voters)); d.rng.Intn(6) {
	case 0, 1, 2:
		w.Voters[at] = d.blank()
	case 3:
		w.Learners = append(w.Learners, d.blank())
	case 4:
		if n := len(w.Learners); n > 0 {
			w.Voters, w.Learners = append(w.Voters, w.Learners[n-1]), w.Learners[:n-1]
		}
	case 5:
		if len(w.Voters) > 1 {
			w.Voters = slices.Delete(w.Voters, at, at+1)
		}
	}
	d.want = w
}

// blank adds a replica that knows nothing.
func (d *director) blank() storage.ReplicaID {
	id := storage.ReplicaID(len(d.members) + 1)
	m := d.add(Join(7, id))
	d.start(m)
	if s := m.replica.Status(); s.Role != Learner {
		d.t.Fatalf("a blank replica is %+v", s)
	}
	return id
}

func (d *director) reconfigure(m *member) {
	if m.replica == nil {
		return
	}
	r := m.replica.Reconfigure(d.want)
	if r.Proposed {
		d.changes++
	}
	if r.Refused {
		d.refused++
	}
	if r.Done && d.durable() {
		d.bury()
	}
	d.settle(m)
}

// durable reports whether a majority of the voters cannot forget who the members are.
func (d *director) durable() bool {
	n := 0
	for _, v := range d.want.Voters {
		if m := d.members[v-1]; m.replica != nil {
			if g := m.replica.Membership(); g.Durable && d.want.Is(g.Conf) {
				n++
			}
		}
	}
	return n > len(d.want.Voters)/2
}

// bury ends the replicas that the shard is without.
func (d *director) bury() {
	for _, m := range d.members {
		if !d.wanted(m) {
			d.crash(m)
			m.gone = true
		}
	}
}

func (d *director) wanted(m *member) bool {
	return slices.Contains(d.want.Voters, m.id) || slices.Contains(d.want.Learners, m.id)
}

// heal runs without faults until the members are those wanted and have applied the same.
func (d *director) heal() {
	for range 400_000 {
		d.step(false)
		if d.agreed() {
			break
		}
	}
	if !d.agreed() {
		for _, m := range d.members {
			if m.replica == nil {
				d.t.Logf("%d gone %v", m.id, m.gone)
				continue
			}
			d.t.Logf("%d %+v %v, %d writes", m.id, m.replica.Status(), m.replica.Members(), len(m.queue))
		}
		d.t.Fatalf("the shard did not come to rest with %v; %d messages under way", d.want, len(d.network))
	}
	var left []*member
	for _, m := range d.members {
		if !d.wanted(m) {
			continue
		}
		left = append(left, m)
	}
	d.members = left
	d.check()
}

func (d *director) agreed() bool {
	index := uint64(0)
	for _, m := range d.members {
		switch {
		case !d.wanted(m):
			continue
		case m.replica == nil || len(m.queue) > 0 || !d.want.Is(m.replica.Members()) || m.replica.Status().Last != m.ledger.index:
			return false
		case index != 0 && index != m.ledger.index:
			return false
		}
		index = m.ledger.index
	}
	return true
}

// A blank replica asked for its vote says nothing, whoever asks.
func TestABlankReplicaDoesNotVote(t *testing.T) {
	d := newDirector(newWorld(t, 1, false))
	m := d.members[d.blank()-1]
	for _, kind := range []raftpb.MessageType{raftpb.MsgVote, raftpb.MsgPreVote} {
		err := m.replica.Step(&raftpb.Message{
			Type: kind.Enum(), To: new(uint64(m.id)), From: new(uint64(2)), Term: new(uint64(99)), LogTerm: new(uint64(50)), Index: new(uint64(500)),
		})
		if err != nil {
			t.Fatal(err)
		}
		fx, err := m.replica.Ready()
		if err != nil || len(fx.Messages)+len(fx.Writes) > 0 {
			t.Fatalf("%s had it answer %v and write %v (%v)", kind, fx.Messages, fx.Writes, err)
		}
	}
	for range 200 {
		m.replica.Tick()
		m.replica.Campaign()
	}
	d.settle(m)
	if s := m.replica.Status(); s.Term != 0 || s.Elections != 0 || len(d.network) > 0 {
		t.Fatalf("a blank replica stood for election: %+v", s)
	}
}
