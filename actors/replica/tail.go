package replica

import (
	"sort"

	"github.com/troupe-mq/troupe/raft/partition"
)

// tailBytes is how much of a partition's committed end is kept in memory for consumers that are
// close behind, unless Options.Tail says less.
const tailBytes = 2 << 20

// anchorBytes is how far apart the known places of the log are, in bytes of entries.
const anchorBytes = 256 << 10

// chunk is an applied entry of records.
type chunk struct {
	index uint64
	base  int64 // offset of its first record
	next  int64 // offset behind its last
	time  int64 // largest timestamp of the log up to and including it
	data  []byte
}

// anchor is a known place in the log.
type anchor struct {
	offset int64
	index  uint64
}

// tail is the committed end of the log in memory, and the known places before it. The actor owns
// it; what it has published is a slice of the same arrays, which is safe because elements behind a
// slice's end are only ever appended, never changed.
type tail struct {
	chunks  []chunk
	bytes   int
	anchors []anchor
	since   int // bytes since the last anchor
	limit   func() int
}

// push adds an applied entry of records.
func (t *tail) push(c chunk) {
	t.since += len(c.data)
	if len(t.anchors) == 0 || t.since >= anchorBytes {
		t.anchors = append(t.anchors, anchor{c.base, c.index})
		t.since = 0
	}
	t.chunks = append(t.chunks, c)
	t.bytes += len(c.data)
	drop := 0
	limit := tailBytes
	if t.limit != nil {
		limit = t.limit()
	}
	for t.bytes > limit && drop < len(t.chunks)-1 {
		t.bytes -= len(t.chunks[drop].data)
		drop++
	}
	if drop > 0 {
		t.chunks = t.chunks[drop:]
		t.release()
	}
}

// release moves the chunks to an array of their own once most of the old one is unused, so that
// dropped data can be freed.
func (t *tail) release() {
	if spare := cap(t.chunks) - len(t.chunks); spare == 0 || len(t.chunks) < 8 {
		t.chunks = append(make([]chunk, 0, 2*len(t.chunks)+8), t.chunks...)
	}
}

// trimmed drops what lies wholly below an offset: the log's start, or where a cleaning ended, whose
// records are elsewhere now.
func (t *tail) trimmed(start int64) {
	drop := sort.Search(len(t.chunks), func(i int) bool { return t.chunks[i].next > start })
	for _, c := range t.chunks[:drop] {
		t.bytes -= len(c.data)
	}
	t.chunks = t.chunks[drop:]
}

// chunkOf makes a chunk of an applied entry; ok is false if it holds no records.
func chunkOf(index uint64, data []byte, next int64) (chunk, bool) {
	h, ok, err := partition.ParseHeader(data)
	if !ok || err != nil || h.Kind != partition.KindRecords {
		return chunk{}, false
	}
	return chunk{index: index, base: h.BaseOffset, next: next, time: h.MaxTimestamp, data: data}, true
}
