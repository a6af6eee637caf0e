package coordinator

import (
	"testing"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/coordination"
)

// split takes the batches of a chunk apart.
func split(t *testing.T, chunk replica.Chunk) (all []batch.Batch) {
	t.Helper()
	for rest := []byte(chunk); len(rest) > 0; {
		b, after, ok := batch.Next(rest)
		if !ok {
			t.Fatal("half a batch")
		}
		all, rest = append(all, b), after
	}
	return all
}

// What a write says of its producer stands in its batch, and is told when the batch is replayed.
func TestABatchIsItsProducers(t *testing.T) {
	record := []coordination.Record{{Key: []byte("k"), Value: []byte("v")}}
	for _, p := range []coordination.Producer{
		coordination.NoProducer,
		{ID: 0, Epoch: 0, Transactional: true},
		{ID: 7, Epoch: 3, Transactional: true, Control: true},
	} {
		b := batchOf([]*coordination.Write{{Producer: p, Records: record}}, 5)
		sum := b.CRC()
		if b.SetCRC(); b.CRC() != sum {
			t.Errorf("%+v: the checksum is not the batch's", p)
		}
		if got := producerOf(b); got != p || b.BaseSequence() != -1 || b.BaseTimestamp() != 5 {
			t.Errorf("%+v is written as %+v, sequence %d", p, got, b.BaseSequence())
		}
	}
}
