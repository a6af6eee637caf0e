package partition

import (
	"math"
	"strconv"
	"strings"
)

// Policy is what a topic's settings say about its old records. Times are in ms; what does not count
// is negative.
type Policy struct {
	Delete, Compact bool

	RetentionMS, RetentionBytes int64
	// SegmentMS and SegmentBytes tell when the end of the log, which is neither deleted by size nor
	// cleaned, becomes old: what Kafka begins another segment for.
	SegmentMS, SegmentBytes int64
	MinLagMS, MaxLagMS      int64
	TombstoneMS             int64
	DirtyRatio              float64
}

// PolicyOf reads a policy from the values of a topic's settings, which were checked when they were
// set.
func PolicyOf(setting func(name string) string) Policy {
	number := func(name string) int64 {
		n, err := strconv.ParseInt(strings.TrimSpace(setting(name)), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	p := Policy{
		RetentionMS: number("retention.ms"), RetentionBytes: number("retention.bytes"),
		SegmentMS: number("segment.ms"), SegmentBytes: number("segment.bytes"),
		MinLagMS: number("min.compaction.lag.ms"), MaxLagMS: number("max.compaction.lag.ms"), TombstoneMS: number("delete.retention.ms"),
	}
	for _, word := range strings.Split(setting("cleanup.policy"), ",") {
		switch strings.TrimSpace(word) {
		case "delete":
			p.Delete = true
		case "compact":
			p.Compact = true
		}
	}
	if p.DirtyRatio, _ = strconv.ParseFloat(strings.TrimSpace(setting("min.cleanable.dirty.ratio")), 64); p.MaxLagMS < 0 {
		p.MaxLagMS = math.MaxInt64
	}
	return p
}

// older reports whether a time lies more than ms before now. Records without a timestamp have no
// age.
func older(time, now, ms int64) bool { return time >= 0 && ms >= 0 && now-time > ms }
