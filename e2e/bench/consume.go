package main

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// consumeWithin is how long a consumer may take for what a flood wrote.
const consumeWithin = 2 * time.Minute

// consume reads what the last flood wrote, from the start, and counts it: as many records as were
// acknowledged, or it is no result.
func consume(ctx context.Context, b *bench) (*Sample, error) {
	if b.flooded.topic == "" {
		return nil, fmt.Errorf("it reads what flood wrote: ask for both")
	}
	ctx, cancel := context.WithTimeout(ctx, consumeWithin)
	defer cancel()
	cl, err := b.client(kgo.ConsumeTopics(b.flooded.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	s := &Sample{}
	begin := time.Now()
	for s.Records < b.flooded.records {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("after %d of %d records: %w", s.Records, b.flooded.records, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { s.Records++; s.Bytes += int64(len(r.Value)) })
	}
	s.Seconds = time.Since(begin).Seconds()
	if s.Records != b.flooded.records {
		return nil, fmt.Errorf("%d records came where %d were acknowledged", s.Records, b.flooded.records)
	}
	return s, nil
}
