package supervisor

import (
	"github.com/troupe-mq/troupe/storage"
)

// meter knows how large the shards are and how fast replicas under way receive their logs.
type meter struct {
	reports map[storage.ShardID]Report
	pulled  map[storage.ReplicaID]uint64 // the last entry that a newcomer has, by its own word
	togo    map[storage.ShardID]int64    // bytes that newcomers still have to receive
	got     map[storage.ReplicaID]int64
	left    int64   // sum of togo
	rate    float64 // bytes a second, smoothed
}

// smooth is how much of the rate the last look makes.
const smooth = 0.3

// read takes what the leaders tell. Of a shard whose leader tells nothing this time, what it told
// last counts.
func (m *meter) read(in Input) {
	if m.reports == nil {
		m.reports, m.pulled = make(map[storage.ShardID]Report), make(map[storage.ReplicaID]uint64)
	}
	m.take(in)
	for s := range m.reports {
		if in.Image.Shard(s) == nil {
			delete(m.reports, s)
		}
	}
	got := make(map[storage.ReplicaID]int64)
	m.togo, m.left = make(map[storage.ShardID]int64), 0
	received := int64(0)
	for p := range partitions(in.Image) {
		r, told := m.reports[p.Shard]
		if !told || !p.Moving() {
			continue
		}
		for _, id := range pendingOf(p) {
			got[id] = int64(m.done(r, []storage.ReplicaID{id}) * float64(r.Bytes))
			if before, known := m.got[id]; known {
				received += max(0, got[id]-before)
			}
			m.togo[p.Shard] += r.Bytes - got[id]
		}
		m.left += m.togo[p.Shard]
	}
	m.got = got
	if in.Seconds > 0 {
		m.rate += smooth * (float64(received)/in.Seconds - m.rate)
	}
}

// take keeps what is told. What a newcomer had stays known until it is none any more: its leader
// knows it only a moment after it has stopped to tell.
func (m *meter) take(in Input) {
	for _, r := range in.Reports {
		if r.Pulled == nil {
			m.reports[r.Shard] = r
		} else {
			m.pulled[r.Pulled.Replica] = max(m.pulled[r.Pulled.Replica], r.Pulled.Upto)
		}
	}
	coming := make(map[storage.ReplicaID]uint64)
	for p := range partitions(in.Image) {
		for _, id := range pendingOf(p) {
			if upto, told := m.pulled[id]; told {
				coming[id] = upto
			}
		}
	}
	m.pulled = coming
}

func (m *meter) size(s storage.ShardID) int64   { return m.reports[s].Bytes }
func (m *meter) leftOf(s storage.ShardID) int64 { return m.togo[s] }

// done tells how much of a shard's log the slowest of some members has, 0 to 1, by its leader's
// word or its own.
func (m *meter) done(r Report, members []storage.ReplicaID) float64 {
	least := 1.0
	for _, id := range members {
		upto := max(r.Start, m.pulled[id])
		for _, match := range r.Matches {
			if match.Replica == id {
				upto = max(upto, match.Upto)
			}
		}
		at := 0.0
		if r.Last > r.Start {
			at = min(1, float64(upto-r.Start)/float64(r.Last-r.Start))
		}
		least = min(least, at)
	}
	return least
}
