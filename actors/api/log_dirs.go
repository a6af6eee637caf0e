package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
)

// Version notes
//
//	4  bytes of the file system (KIP-827)

// logDirsTimeoutMS bounds the look at what is on this node's disk.
const logDirsTimeoutMS = 5_000

// describeLogDirs tells what this node keeps of the partitions asked for, or of all. A node has one
// directory.
func describeLogDirs(c *Call) {
	request := c.Body.(*kmsg.DescribeLogDirsRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.DescribeLogDirsResponse)
		if err := c.ClusterWide(access.Describe); err != nil {
			r.ErrorCode = err.Kafka.Code
			c.Answer(r)
			return
		}
		ctx, cancel := c.timeout(logDirsTimeoutMS)
		defer cancel()
		disk := c.Cluster.Disk(ctx)
		dir := kmsg.NewDescribeLogDirsResponseDir()
		dir.Dir, dir.TotalBytes, dir.UsableBytes = disk.Dir, disk.Total, disk.Free
		asked := make(map[string]map[int32]bool)
		for _, t := range request.Topics {
			asked[t.Topic] = make(map[int32]bool)
			for _, p := range t.Partitions {
				asked[t.Topic][p] = true
			}
		}
		for _, held := range disk.Replicas {
			if request.Topics != nil && !asked[held.Topic][held.Partition] {
				continue
			}
			if n := len(dir.Topics); n == 0 || dir.Topics[n-1].Topic != held.Topic {
				t := kmsg.NewDescribeLogDirsResponseDirTopic()
				t.Topic = held.Topic
				dir.Topics = append(dir.Topics, t)
			}
			p := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
			// there are no moves between directories that could lag
			p.Partition, p.Size = held.Partition, held.Bytes
			t := &dir.Topics[len(dir.Topics)-1]
			t.Partitions = append(t.Partitions, p)
		}
		r.Dirs = append(r.Dirs, dir)
		c.Answer(r)
	})
}

// alterReplicaLogDirs moves replicas between the directories of a node. A node has one: replicas
// are there already, or the directory is not one of its own.
func alterReplicaLogDirs(c *Call) {
	request := c.Body.(*kmsg.AlterReplicaLogDirsRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.AlterReplicaLogDirsResponse)
		ctx, cancel := c.timeout(logDirsTimeoutMS)
		defer cancel()
		denied := c.ClusterWide(access.Alter)
		own := c.Cluster.Disk(ctx).Dir
		image := c.Cluster.Image()
		for _, d := range request.Dirs {
			for _, t := range d.Topics {
				out := kmsg.NewAlterReplicaLogDirsResponseTopic()
				out.Topic = t.Topic
				for _, n := range t.Partitions {
					p := kmsg.NewAlterReplicaLogDirsResponseTopicPartition()
					p.Partition = n
					at, unknown := partitionNamed(image, t.Topic, n)
					switch {
					case denied != nil:
						p.ErrorCode = denied.Kafka.Code
					case d.Dir != own:
						p.ErrorCode = kerr.LogDirNotFound.Code
					case unknown != nil:
						p.ErrorCode = kerr.UnknownTopicOrPartition.Code
					case c.Cluster.Replica(at.Shard) == nil:
						p.ErrorCode = kerr.ReplicaNotAvailable.Code
					}
					out.Partitions = append(out.Partitions, p)
				}
				r.Topics = append(r.Topics, out)
			}
		}
		c.Answer(r)
	})
}
