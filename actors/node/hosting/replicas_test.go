package hosting

import (
	"sync"
	"testing"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/storage"
)

// Whoever goes through the replicas while some come and go sees those of one moment.
func TestReplicasOfOneMoment(t *testing.T) {
	var r Replicas
	const shards = 8
	var coming sync.WaitGroup
	coming.Go(func() {
		for i := range 20_000 {
			s := storage.ShardID(1 + i%shards)
			if r.Get(s) == nil {
				r.change(map[storage.ShardID]*hosted{s: {ref: &replica.Ref{}}}, nil)
			} else {
				r.change(nil, []storage.ShardID{s})
			}
		}
	})
	done := make(chan struct{})
	go func() { coming.Wait(); close(done) }()
	for seen := 0; ; {
		r.Each(func(ref *replica.Ref) {
			if ref == nil {
				t.Error("a replica that is none")
			}
			seen++
		})
		select {
		case <-done:
			if seen == 0 {
				t.Error("no replica was seen")
			}
			return
		default:
		}
	}
}
