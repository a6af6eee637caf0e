package supervisor

import (
	"slices"

	"github.com/troupe-mq/troupe/storage"
)

// meter knows how large the shards are and how fast replicas under way receive their logs.
type meter struct {
	reports map[storage.ShardID]Report
	togo    map[storage.ShardID]int64 // bytes that newcomers still have to receive
	got     map[storage.ReplicaID]int64
	left    int64   // sum of togo
	rate    float64 // bytes a second, smoothed
}

// smooth is how much of the rate the last look makes.
const smooth = 0.3

// read takes what the leaders tell. Of a shard whose leader tells nothing this time, what it told last counts.
func (m *meter) read(in Input) {
	if m.reports == nil {
		m.reports = make(map[storage.ShardID]Report)
	}
	m.take(in.Reports)
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
			got[id] = int64(r.done([]storage.ReplicaID{id}) * float64(r.Bytes))
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

// take keeps what leaders tell, and adds what replicas have that their leaders know nothing of yet.
func (m *meter) take(reports []Report) {
	for _, r := range reports {
		if r.Pulled == nil {
			m.reports[r.Shard] = r
		}
	}
	for _, r := range reports {
		led, told := m.reports[r.Shard]
		if r.Pulled == nil || !told {
			continue
		}
		led.Matches = slices.Clone(led.Matches)
		at := slices.IndexFunc(led.Matches, func(m Match) bool { return m.Replica == r.Pulled.Replica })
		if at < 0 {
			at, led.Matches = len(led.Matches), append(led.Matches, Match{Replica: r.Pulled.Replica})
		}
		led.Matches[at].Upto = max(led.Matches[at].Upto, r.Pulled.Upto)
		m.reports[r.Shard] = led
	}
}

func (m *meter) size(s storage.ShardID) int64   { return m.reports[s].Bytes }
func (m *meter) leftOf(s storage.ShardID) int64 { return m.togo[s] }

// done tells how much of the log the slowest of some members has, 0 to 1.
func (r *Report) done(members []storage.ReplicaID) float64 {
	least := 1.0
	for _, id := range members {
		at := 0.0
		if i := slices.IndexFunc(r.Matches, func(m Match) bool { return m.Replica == id }); i >= 0 && r.Matches[i].Upto > r.Start && r.Last > r.Start {
			at = min(1, float64(r.Matches[i].Upto-r.Start)/float64(r.Last-r.Start))
		}
		least = min(least, at)
	}
	return least
}
