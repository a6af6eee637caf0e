package coordination

// Record is a record of a coordinator's topic; a nil value deletes the key.
type Record struct{ Key, Value []byte }

// Bytes is about how large the record is in a batch.
func (r Record) Bytes() int { return len(r.Key) + len(r.Value) + recordBytes }

// recordBytes is what a record takes in a batch beside key and value, at most.
const recordBytes = 32

// Producer is whose records a batch holds, and what they are of its transaction.
type Producer struct {
	ID    int64
	Epoch int16
	// Transactional records are pending until the producer's transaction ends.
	Transactional bool
	// Control records are the markers that end a transaction.
	Control bool
}

// NoProducer is of records that the coordinator writes in no producer's name.
var NoProducer = Producer{ID: -1, Epoch: -1}

// Write are the records of one decision, to be appended together. They are applied already.
type Write struct {
	Producer Producer
	Records  []Record

	key     string
	waiting []held
}

// Bytes is about how large the records are in a batch.
func (w *Write) Bytes() (n int) {
	for _, r := range w.Records {
		n += r.Bytes()
	}
	return n
}

// Batches divides writes, in order, into those that become one batch: of one producer, as a batch
// has one, and of at most limit bytes, unless a single write has more. Markers share none.
func Batches(writes []*Write, limit int) (all [][]*Write) {
	for len(writes) > 0 {
		n, bytes := 1, writes[0].Bytes()
		for n < len(writes) && writes[n].joins(writes[0]) && bytes+writes[n].Bytes() <= limit {
			bytes += writes[n].Bytes()
			n++
		}
		all, writes = append(all, writes[:n]), writes[n:]
	}
	return all
}

// joins reports whether a write may share a batch with another one.
func (w *Write) joins(other *Write) bool {
	return w.Producer == other.Producer && !w.Producer.Control
}
