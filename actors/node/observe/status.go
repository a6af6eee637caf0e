package observe

import (
	"errors"
	"fmt"

	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Status is how a node is, for health checks and people.
type Status struct {
	Node       metadata.NodeID
	ClusterID  string
	MetaLeader metadata.NodeID // -1 if unknown
	Replicas   int             // that run here, __meta's included
	Leaders    int             // of them
	Leaderless int             // replicas here that know no leader
	// voting replicas here that have not been in sync since the node started
	Behind      int
	Quarantined int64 // replicas here that are out of service
	Restored    int64 // times a replica here caught up by a snapshot since the start
	Draining    bool
	Disk        string         // ample, low (writes are refused) or full
	DiskFree    int64          // bytes
	InFlight    ledger.Reading // all at zero if no client wants anything
	Joined      bool           // a member that serves clients
}

// Status tells how the node is.
func (o *Observer) Status() Status {
	s := Status{
		Node:        o.here.ID,
		ClusterID:   o.here.Image().ClusterID,
		MetaLeader:  o.here.MetaLeader(),
		Restored:    o.Hosting.Restored(),
		Quarantined: int64(len(o.Hosting.Lost())),
		Draining:    o.Leaders.Draining(),
		Disk:        o.Space.Own().String(),
		DiskFree:    o.Space.Free(),
		InFlight:    o.Ledger.Read(),
	}
	o.Replicas.Each(func(r *replica.Ref) {
		v := r.View()
		s.Replicas++
		if v.Role == replica.Leader {
			s.Leaders++
		}
		if v.Leader == 0 {
			s.Leaderless++
		} else if o.behind(r, v) {
			s.Behind++
		}
	})
	select {
	case <-o.Ready:
		s.Joined = true
	default:
	}
	return s
}

// behind reports whether a replica that votes has yet to catch up, by its leader's own word. One
// that has once been in sync stays counted: that a busy node's replicas fall back for a moment is
// no reason to turn clients away.
func (o *Observer) behind(r *replica.Ref, v *replica.View) bool {
	if v.Role == replica.Leader || v.Role == replica.Learner {
		return false
	}
	if _, caught := o.caught.Load(r.Replica); caught {
		return false
	}
	if !o.Leaders.InSync(r.Shard, r.Replica) {
		return true
	}
	o.caught.Store(r.Replica, struct{}{})
	return false
}

// Unready tells why the node should not get new clients now, nil if it should.
func (o *Observer) Unready() error {
	s := o.Status()
	switch {
	case s.Draining:
		return errors.New("draining: leaderships are being handed over")
	case !s.Joined && o.Outside() != "":
		return fmt.Errorf("not a member of the cluster yet: %s", o.Outside())
	case !s.Joined:
		return errors.New("not a member of the cluster yet")
	case s.MetaLeader < 0:
		return errors.New("the metadata has no leader")
	case s.Leaderless > 0:
		return fmt.Errorf("%d of %d replicas here know no leader", s.Leaderless, s.Replicas)
	case s.Behind > 0:
		return fmt.Errorf("%d of %d replicas here have yet to catch up with their leaders", s.Behind, s.Replicas)
	}
	return nil
}

// Digest is what one replica holds, to be compared between the nodes.
type Digest struct {
	Shard         uint64 `json:"shard"`
	Replica       uint64 `json:"replica"`
	Applied       uint64 `json:"applied"`
	LogStart      int64  `json:"log_start"`
	HighWatermark int64  `json:"high_watermark"`
	// SHA-256 over index, term and data of every committed entry kept
	Hash string `json:"hash"`
}

// ErrNoReplica is returned for a partition that has no replica on this node.
var ErrNoReplica = errors.New("no replica of this partition runs on this node")

// Digest computes the digest of a replica on this node. It reads the whole log.
func (o *Observer) Digest(topic string, partition int32) (Digest, error) {
	p := o.here.Image().Partition(topic, partition)
	if p == nil {
		return Digest{}, ErrNoReplica
	}
	ref := o.Replicas.Get(p.Shard)
	if ref == nil {
		return Digest{}, ErrNoReplica
	}
	v := ref.View()
	applied, hash, err := v.Digest()
	return Digest{uint64(p.Shard), uint64(ref.Replica), applied, v.LogStart, v.HighWatermark, hash}, err
}
