package coordinator

import (
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/group"
)

// chunks is a log that answers every read with the same.
type chunks []replica.Chunk

func (c chunks) Read(int64, replica.FetchLimits) ([]replica.Chunk, error) { return c, nil }

// A log that cannot be read to its end is an error: a load that ended there in silence would have
// lost the commits behind, and one that read on at the same place would never end.
func TestALoadThatComesToNoEndFails(t *testing.T) {
	whole := replica.Chunk(batch.Build([]batch.Record{{Key: []byte("k"), Value: []byte("v")}}))
	for name, c := range map[string]struct {
		log    chunks
		end    int64
		failed bool
	}{
		"nothing is read":         {nil, 5, true},
		"rubbish":                 {chunks{replica.Chunk("rubbish")}, 5, true},
		"half a batch":            {chunks{whole[:len(whole)-3]}, 5, true},
		"the same batch for ever": {chunks{whole}, 5, true},
		"all of it":               {chunks{whole}, 1, false},
		"an empty log":            {nil, 0, false},
	} {
		done := make(chan error, 1)
		go func() {
			done <- load(group.New(group.Config{}, func() string { return "" }), c.log, 0, c.end, &damaged{})
		}()
		select {
		case err := <-done:
			if (err != nil) != c.failed {
				t.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: the load does not end", name)
		}
	}
}
