package journal

import (
	"errors"
	"slices"

	"github.com/troupe-mq/troupe/storage"
)

// refusal reports whether an error of the store says that it refused an append and wrote nothing.
// Any other one leaves open what was written.
func refusal(err error) bool {
	return errors.Is(err, storage.ErrRefused) || errors.Is(err, storage.ErrRemoved)
}

// ordinary reports whether a write is of a replica's log, not about the replica as a whole.
func (w Write) ordinary() bool { return !w.Append.Remove && !w.Append.Distrust }

// taken returns those of a group's writes that are not of a replica of which the store refused one.
func (j *Journal) taken(g []Write) []Write {
	if len(j.refused) == 0 {
		return g
	}
	left := make([]Write, 0, len(g))
	for _, w := range g {
		if err := j.refused[w.Append.State.Replica]; err != nil && w.Refused != nil && w.ordinary() {
			w.Refused(err)
			continue
		}
		left = append(left, w)
	}
	return left
}

// perform makes a group durable and returns what of it is. If the store refuses the group, one
// shard is wrong about its log or proposed what no store takes. The others must not suffer for it,
// so each replica's writes are tried alone.
func (j *Journal) perform(g []Write) ([]Write, error) {
	err := j.transact(g)
	if !refusal(err) {
		return g, err
	}
	out := make([]bool, len(g))
	for _, r := range replicas(g) {
		if err := j.alone(g, r, out); err != nil {
			return nil, err
		}
	}
	var durable []Write
	for i, w := range g {
		if !out[i] {
			durable = append(durable, w)
		}
	}
	return durable, nil
}

// alone makes one replica's writes durable. Of those that the store refuses it marks the ones of
// the log as out, and if that is not enough all others too.
func (j *Journal) alone(g []Write, r storage.ReplicaID, out []bool) error {
	for ordinary := true; ; ordinary = false {
		err := j.transact(of(g, r, out))
		if !refusal(err) {
			return err
		}
		for i, w := range g {
			if w.Append.State.Replica != r || out[i] || ordinary && !w.ordinary() {
				continue
			}
			if w.Refused == nil {
				return err
			}
			out[i] = true
			w.Refused(err)
		}
		j.refuse(r, err)
	}
}

func (j *Journal) refuse(r storage.ReplicaID, err error) {
	if j.refused == nil {
		j.refused = make(map[storage.ReplicaID]error)
	}
	j.refused[r] = err
}

// transact writes a group in as few transactions as it takes.
func (j *Journal) transact(g []Write) error {
	for _, appends := range Merge(g) {
		if err := j.write(appends, g); err != nil {
			return err
		}
	}
	return nil
}

// replicas returns the replicas of a group in the order of their first writes; barriers count as
// one.
func replicas(g []Write) (all []storage.ReplicaID) {
	for _, w := range g {
		if r := w.Append.State.Replica; !slices.Contains(all, r) {
			all = append(all, r)
		}
	}
	return all
}

// of returns a replica's writes that are not out.
func of(g []Write, r storage.ReplicaID, out []bool) (own []Write) {
	for i, w := range g {
		if w.Append.State.Replica == r && !out[i] {
			own = append(own, w)
		}
	}
	return own
}
