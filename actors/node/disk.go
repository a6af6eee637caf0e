package node

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Disk implements api.Cluster.
func (n *Node) Disk(context.Context) api.Disk {
	usage := n.store.Usage()
	d := api.Disk{Dir: n.config.Dir, Total: -1, Free: -1}
	if dir, err := filepath.Abs(n.config.Dir); err == nil {
		d.Dir = dir
	}
	if usage.Free > 0 {
		d.Total, d.Free = usage.Disk+usage.Free, usage.Free
	}
	image := n.here.Image()
	n.replicas.Each(func(r *replica.Ref) {
		if p := image.Shard(r.Shard); p != nil && r.Shard != metadata.MetaShard {
			d.Replicas = append(d.Replicas, api.ReplicaOnDisk{Topic: p.Topic, Partition: p.Index, Bytes: r.Bytes()})
		}
	})
	slices.SortFunc(d.Replicas, func(a, b api.ReplicaOnDisk) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return d
}
