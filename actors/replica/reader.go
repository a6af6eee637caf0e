package replica

// reader reads committed records of a View: from the tail cache first, then from the store.
type reader struct{}

// Read returns committed record batches from the batch that contains offset on. Empty if offset equals limits.Upto.
// OFFSET_OUT_OF_RANGE (a *protocol.Error) if offset lies outside [LogStart, HighWatermark].
func (v *View) Read(offset int64, limits FetchLimits) ([]Chunk, error) { return nil, nil }

// TimestampOffset is a record's place in time.
type TimestampOffset struct {
	Offset    int64
	Timestamp int64 // ms since the epoch
	Epoch     int32 // leader epoch of its batch
}

// OffsetForTime returns the first record kept whose timestamp is at least ms; found is false if there is none.
func (v *View) OffsetForTime(ms int64) (at TimestampOffset, found bool, err error) {
	return TimestampOffset{}, false, nil
}

// MaxTimestamp returns the record with the largest timestamp kept; found is false in an empty log.
func (v *View) MaxTimestamp() (at TimestampOffset, found bool, err error) {
	return TimestampOffset{}, false, nil
}

// EpochEnd returns the largest epoch not above the given one that has records, and the offset after its last record (KIP-320,
// OffsetForLeaderEpoch). (-1, -1) if there is none.
func (v *View) EpochEnd(epoch int32) (int32, int64) { return -1, -1 }

// EpochOf returns the leader epoch of the record at offset, or of the log's end.
func (v *View) EpochOf(offset int64) int32 { return -1 }

// ActiveProducer is an idempotent producer the partition remembers.
type ActiveProducer struct {
	ID               int64
	Epoch            int16
	LastSequence     int32
	LastTimestamp    int64
	CurrentTxnStart  int64 // -1 if none
	CoordinatorEpoch int32
}
