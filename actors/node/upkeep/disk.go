package upkeep

import (
	"cmp"
	"path/filepath"
	"slices"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// OnDisk returns what is on this node's data directory.
func (u *Upkeep) OnDisk() api.Disk {
	usage := u.Store.Usage()
	d := api.Disk{Dir: u.Dir, Total: -1, Free: -1}
	if dir, err := filepath.Abs(u.Dir); err == nil {
		d.Dir = dir
	}
	if usage.Free > 0 {
		d.Total, d.Free = usage.Disk+usage.Free, usage.Free
	}
	image := u.here.Image()
	u.Replicas.Each(func(r *replica.Ref) {
		if p := image.Shard(r.Shard); p != nil && r.Shard != metadata.MetaShard {
			d.Replicas = append(d.Replicas, api.ReplicaOnDisk{Topic: p.Topic, Partition: p.Index, Bytes: r.Bytes()})
		}
	})
	slices.SortFunc(d.Replicas, func(a, b api.ReplicaOnDisk) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return d
}
