package remote

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// PeerReading is what was exchanged with one peer since it is known.
type PeerReading struct {
	Peer  metadata.NodeID
	Up    bool
	Lanes [lanes]LaneReading
	Asks  []AskReading
}

// LaneReading is one lane's part.
type LaneReading struct {
	Name           string
	FramesSent     uint64
	BytesSent      uint64
	FramesReceived uint64
	BytesReceived  uint64
	Dropped        uint64 // raft messages that were not sent: the link was down or its window full
	UnderWay       int64  // bytes sent and not known to have arrived
}

// AskReading is how the questions of one kind went.
type AskReading struct {
	Kind   string
	Took   stages.Counts // ns until the answer, or until there was none
	Failed uint64        // of them: without an answer, or refused
}

// peerMeter counts what is exchanged with a peer.
type peerMeter struct {
	lanes [lanes]struct {
		framesOut, bytesOut, framesIn, bytesIn, dropped atomic.Uint64
	}
	asks sync.Map // kind → *askMeter
}

type askMeter struct {
	took   stages.Histogram
	failed atomic.Uint64
}

func (m *peerMeter) sent(l lane, bytes int) {
	m.lanes[l].framesOut.Add(1)
	m.lanes[l].bytesOut.Add(uint64(bytes))
}

func (m *peerMeter) received(l lane, bytes int) {
	m.lanes[l].framesIn.Add(1)
	m.lanes[l].bytesIn.Add(uint64(bytes))
}

// asked counts a question that began then.
func (m *peerMeter) asked(kind string, begin stages.Moment, err error) {
	a, ok := m.asks.Load(kind)
	if !ok {
		a, _ = m.asks.LoadOrStore(kind, &askMeter{})
	}
	meter := a.(*askMeter)
	meter.took.Record(begin.To(stages.Now()))
	if err != nil {
		meter.failed.Add(1)
	}
}

var laneNames = [lanes]string{"control", "bulk"}

// Read tells what was exchanged with each peer, in order of node.
func (r *Remotes) Read() []PeerReading {
	r.mu.RLock()
	peers := maps.Clone(r.peers)
	r.mu.RUnlock()
	var all []PeerReading
	for _, id := range slices.SortedFunc(maps.Keys(peers), cmp.Compare[metadata.NodeID]) {
		all = append(all, peers[id].read())
	}
	return all
}

func (p *peer) read() PeerReading {
	out := PeerReading{Peer: p.id, Up: p.up.Load()}
	for l := range lanes {
		m := &p.meter.lanes[l]
		out.Lanes[l] = LaneReading{
			Name: laneNames[l], FramesSent: m.framesOut.Load(), BytesSent: m.bytesOut.Load(), FramesReceived: m.framesIn.Load(),
			BytesReceived: m.bytesIn.Load(), Dropped: m.dropped.Load(), UnderWay: p.windows[l].underWay(),
		}
	}
	p.meter.asks.Range(func(k, v any) bool {
		a := v.(*askMeter)
		out.Asks = append(out.Asks, AskReading{k.(string), a.took.Read(), a.failed.Load()})
		return true
	})
	slices.SortFunc(out.Asks, func(a, b AskReading) int { return cmp.Compare(a.Kind, b.Kind) })
	return out
}
