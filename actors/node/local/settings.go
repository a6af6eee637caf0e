package local

import (
	"math"
	"strconv"
	"time"
)

// Settings returns a broker setting by Kafka's name, as it is at the moment.
type Settings func(name string) string

// Number returns a setting that is a whole number; it was checked when the node was configured.
func (s Settings) Number(name string) int64 {
	v, _ := strconv.ParseInt(s(name), 10, 64)
	return v
}

// Millis is a setting in ms; one that is longer than a Duration, as the largest number that stands
// for never, is the longest.
func (s Settings) Millis(name string) time.Duration {
	return time.Duration(min(s.Number(name), int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}
