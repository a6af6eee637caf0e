package replica

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// doubts are refusals that are final for a producer: that its sequence or epoch does not fit. Only who leads may say so. A leader that was deposed and does not
// know it yet (it stood still, it was cut off) lacks what the next one wrote, and a producer that believed it would begin anew, and write once more what is in the log
// already. So such a refusal waits until the other replicas have said that this one still leads.
type doubts struct{ all []refusal }

type refusal struct {
	round uint64 // of the Confirm that decides about it, 0 if none was asked for yet
	at    Appended
	done  func(Appended)
}

// final tells whether a refusal makes a producer begin anew.
func final(err *protocol.Error) bool {
	switch err.Kafka {
	case kerr.OutOfOrderSequenceNumber, kerr.InvalidProducerEpoch, kerr.UnknownProducerID:
		return true
	}
	return false
}

func (d *doubts) add(at Appended, done func(Appended)) { d.all = append(d.all, refusal{0, at, done}) }

// open tells whether a Confirm is wanted.
func (d *doubts) open() bool { return len(d.all) > 0 && d.all[len(d.all)-1].round == 0 }

// asked notes which Confirm decides about those without one.
func (d *doubts) asked(round uint64) {
	for i := range d.all {
		if d.all[i].round == 0 {
			d.all[i].round = round
		}
	}
}

// confirmed gives the refusals that this replica led when they were made.
func (d *doubts) confirmed(round uint64) {
	for len(d.all) > 0 && d.all[0].round != 0 && d.all[0].round <= round {
		d.all[0].done(d.all[0].at)
		d.all = d.all[1:]
	}
}

// fail answers all with another cause, which invites another try.
func (d *doubts) fail(cause *protocol.Error) {
	for _, r := range d.all {
		r.done(Appended{Err: cause, BaseOffset: -1, LogAppendTime: -1, LogStart: -1})
	}
	d.all = nil
}
