package api

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// mostPartitionsAtOnce is the most partitions that one request may create (Kafka's
// MAX_PARTITIONS_PER_BATCH).
const mostPartitionsAtOnce = 10_000

// mostAtOnce is how many parts of one request are worked on at a time: enough to share syncs, few
// enough to leave the processors to other clients.
const mostAtOnce = 64

// errTooManyAtOnce refuses a request as Kafka does.
var errTooManyAtOnce = protocol.Errorf(kerr.PolicyViolation,
	"Excessively large number of partitions per request: %d are the most.", mostPartitionsAtOnce)

// roomFor tells why a number of new replicas would be too many for the cluster's nodes; nil if they
// are not.
func roomFor(c Cluster, partitions, replicationFactor int) *protocol.Error {
	image, nodes := c.Image(), 0
	for _, n := range image.Nodes {
		if n.Home() {
			nodes++
		}
	}
	have, most := replicasIn(image), c.MostReplicas()
	if want := have + partitions*replicationFactor; want > most*max(nodes, 1) {
		return protocol.Errorf(kerr.PolicyViolation,
			"The cluster's %d nodes hold %d replicas of partitions; with %d more they would hold more than %d each, which is the most that their memory is meant for.",
			nodes, have, partitions*replicationFactor, most)
	}
	return nil
}

func replicasIn(image *metadata.Image) (n int) {
	for t := range eachTopic(image) {
		for _, p := range t.Partitions {
			n += len(p.Replicas)
		}
	}
	return n
}

// inParts calls do for 0 to n-1, mostAtOnce of them at a time, and waits until all have returned.
func inParts(r actors.Runtime, n int, do func(i int)) {
	for from := 0; from < n; from += mostAtOnce {
		var part []func()
		for i := from; i < min(from+mostAtOnce, n); i++ {
			part = append(part, func() { do(i) })
		}
		actors.Together(r, part...)
	}
}

// distinct returns the elements of a list without those whose key came before, so that what is
// asked for twice is answered once.
func distinct[T any, K comparable](all []T, key func(T) K) []T {
	if len(all) < 2 {
		return all
	}
	seen := make(map[K]bool, len(all))
	kept := all[:0:0]
	for _, one := range all {
		if k := key(one); !seen[k] {
			seen[k] = true
			kept = append(kept, one)
		}
	}
	return kept
}
