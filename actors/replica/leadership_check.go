package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// leadershipChecks are answers that only a leader may give and that wait until a majority confirms
// that this replica still leads (ReadIndex in etcd's words). A leader that was deposed and does not
// know it yet (it stood still, it was cut off) lacks what the next one wrote. They are what Confirm
// asks for, and refusals that are final for a producer, that its sequence or epoch does not fit: a
// producer that believed a deposed leader would begin anew, and write once more what is in the log
// already.
type leadershipChecks struct{ all []leadershipCheck }

type leadershipCheck struct {
	round   uint64 // of the raft.Replica's Confirm that decides about it, 0 if none was asked for yet
	leads   func()
	deposed func(*protocol.Error)
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
	c.checks.add(func() { m.Done(nil) }, m.refuse)
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

func (d *leadershipChecks) add(leads func(), deposed func(*protocol.Error)) {
	d.all = append(d.all, leadershipCheck{0, leads, deposed})
}

// open reports whether a Confirm is wanted.
func (d *leadershipChecks) open() bool { return len(d.all) > 0 && d.all[len(d.all)-1].round == 0 }

// asked notes which Confirm decides about those without one.
func (d *leadershipChecks) asked(round uint64) {
	for i := range d.all {
		if d.all[i].round == 0 {
			d.all[i].round = round
		}
	}
}

// confirmed gives the answers that this replica led when they were thought of.
func (d *leadershipChecks) confirmed(round uint64) {
	for len(d.all) > 0 && d.all[0].round != 0 && d.all[0].round <= round {
		d.all[0].leads()
		d.all = d.all[1:]
	}
}

// fail answers all with another cause, which invites another try.
func (d *leadershipChecks) fail(cause *protocol.Error) {
	for _, r := range d.all {
		r.deposed(cause)
	}
	d.all = nil
}
