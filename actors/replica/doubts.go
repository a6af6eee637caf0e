package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// doubts are answers that only who leads may give, and that nobody else's word is behind. A leader
// that was deposed and does not know it yet (it stood still, it was cut off) lacks what the next
// one wrote. So such an answer waits until the other replicas have said that this one still leads.
// They are what Confirm asks for, and refusals that are final for a producer, that its sequence or
// epoch does not fit: a producer that believed a deposed leader would begin anew, and write once
// more what is in the log already.
type doubts struct{ all []doubt }

type doubt struct {
	round  uint64 // of the raft.Replica's Confirm that decides about it, 0 if none was asked for yet
	sure   func()
	unsure func(*protocol.Error)
}

// Confirm asks whether this replica leads in an epoch. The answer nil is given when a majority has
// said so after the question was asked: what the leader of the epoch knew then was not overtaken.
type Confirm struct {
	Epoch int32
	Done  func(*protocol.Error)
}

func (m *Confirm) stage(c *records) {
	if m.Epoch != c.epoch {
		m.refuse(notLeader(0))
		return
	}
	c.doubts.add(func() { m.Done(nil) }, m.refuse)
}

func (m *Confirm) refuse(cause *protocol.Error) { m.Done(cause) }

// final reports whether a refusal makes a producer begin anew.
func final(err *protocol.Error) bool {
	switch err.Kafka {
	case kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch, kerr.UnknownProducerID:
		return true
	}
	return false
}

func (d *doubts) add(sure func(), unsure func(*protocol.Error)) {
	d.all = append(d.all, doubt{0, sure, unsure})
}

// open reports whether a Confirm is wanted.
func (d *doubts) open() bool { return len(d.all) > 0 && d.all[len(d.all)-1].round == 0 }

// asked notes which Confirm decides about those without one.
func (d *doubts) asked(round uint64) {
	for i := range d.all {
		if d.all[i].round == 0 {
			d.all[i].round = round
		}
	}
}

// confirmed gives the answers that this replica led when they were thought of.
func (d *doubts) confirmed(round uint64) {
	for len(d.all) > 0 && d.all[0].round != 0 && d.all[0].round <= round {
		d.all[0].sure()
		d.all = d.all[1:]
	}
}

// fail answers all with another cause, which invites another try.
func (d *doubts) fail(cause *protocol.Error) {
	for _, r := range d.all {
		r.unsure(cause)
	}
	d.all = nil
}
