package cluster

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// readReplica hashes every byte the node serves of a partition, from its first offset to its high
// watermark.
func (n *Node) readReplica(ctx context.Context, topic string, partition int32) (Replica, error) {
	p, err := n.Fetch(ctx, topic, partition, 0)
	if err == kerr.OffsetOutOfRange { // trimmed: the answer says where it starts
		p, err = n.Fetch(ctx, topic, partition, p.LogStartOffset)
	}
	if err != nil {
		return Replica{}, err
	}
	r, sum := Replica{LogStart: p.LogStartOffset}, sha256.New()
	for next := p.LogStartOffset; next < p.HighWatermark; {
		whole, after := wholeBatches(p.RecordBatches)
		if after <= next {
			return Replica{}, fmt.Errorf("node %d: %s/%d: nothing at offset %d below the high watermark %d", n.ID, topic, partition, next, p.HighWatermark)
		}
		sum.Write(whole)
		next = after
		if p, err = n.Fetch(ctx, topic, partition, next); err != nil {
			return Replica{}, err
		}
	}
	r.HighWatermark, r.Applied = p.HighWatermark, uint64(p.HighWatermark)
	r.Hash = hex.EncodeToString(sum.Sum(nil))
	return r, nil
}

// Fetch asks this very node, leader or not, once and without waiting. The answer comes with the
// error if Kafka's code in it is one.
func (n *Node) Fetch(ctx context.Context, topic string, partition int32, offset int64) (kmsg.FetchResponseTopicPartition, error) {
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, offset, 1<<20
	t := kmsg.NewFetchRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 0, 0, 1<<20, -1
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, n.Broker())
	if err != nil {
		return kmsg.FetchResponseTopicPartition{}, fmt.Errorf("node %d: %w", n.ID, err)
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); err != nil {
		return kmsg.FetchResponseTopicPartition{}, fmt.Errorf("node %d: %w", n.ID, err)
	}
	if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
		return kmsg.FetchResponseTopicPartition{}, fmt.Errorf("node %d: fetch of %s/%d answers %d topics", n.ID, topic, partition, len(resp.Topics))
	}
	got := resp.Topics[0].Partitions[0]
	return got, kerr.ErrorForCode(got.ErrorCode)
}

// A record batch begins
//
//	0        8           12            16    17   21          23               27
//	| base 8 | length 4 | leader epoch 4 | magic 1 | crc 4 | attributes 2 | last offset delta 4 | ...
const (
	batchLength    = 8
	batchPrefix    = 12 // base offset and length: what length does not count
	batchLastDelta = 23
)

// wholeBatches cuts off an incomplete batch at the end (a broker may send one) and tells the offset
// after the last.
func wholeBatches(b []byte) (whole []byte, after int64) {
	at := 0
	for len(b)-at >= batchLastDelta+4 {
		size := batchPrefix + int(binary.BigEndian.Uint32(b[at+batchLength:]))
		if size > len(b)-at {
			break
		}
		after = int64(binary.BigEndian.Uint64(b[at:])) + int64(binary.BigEndian.Uint32(b[at+batchLastDelta:])) + 1
		at += size
	}
	return b[:at], after
}
