package partition

import "sort"

// EpochEnd answers OffsetForLeaderEpoch (KIP-320) as Kafka's LeaderEpochFileCache does: the largest
// epoch not above the one asked for that has records, and the offset after its last record. A
// consumer compares both with its position to learn whether what it read was truncated.
//
// epochs are where the epochs of the log's records begin, in order; current is the leader's own
// epoch, which has records or not; end is the offset after the log's last record.
//
// An epoch older than all that is known is answered with itself and the start of the first known
// one: its records were trimmed, not truncated, so whoever read them goes on. (-1, -1), which has a
// consumer reset its position, is for epochs that are not known because they are newer.
func EpochEnd(epochs []Epoch, asked, current int32, end int64) (epoch int32, offset int64) {
	switch {
	case asked < 0 || asked > current:
		return -1, -1
	case asked == current:
		return current, end
	}
	i := sort.Search(len(epochs), func(i int) bool { return epochs[i].Epoch > asked })
	if i < len(epochs) {
		end = epochs[i].Start
	}
	if i == 0 {
		return asked, end
	}
	return epochs[i-1].Epoch, end
}

// EpochOf returns the epoch of the record at an offset, or of the log's end; -1 if the offset lies
// before all that is known.
func EpochOf(epochs []Epoch, offset int64) int32 {
	i := sort.Search(len(epochs), func(i int) bool { return epochs[i].Start > offset })
	if i == 0 {
		return -1
	}
	return epochs[i-1].Epoch
}
