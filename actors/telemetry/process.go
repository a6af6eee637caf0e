package telemetry

import (
	"iter"
	"maps"
	"runtime/metrics"
	"strconv"

	"github.com/troupe-mq/troupe/actors/remote"
)

// lane is one lane's part of what was exchanged with a peer.
type lane = remote.LaneReading

// lanes reads a value of every peer and lane.
func lanes(of func(*lane) float64) func(*reading, *points) {
	return func(r *reading, p *points) {
		for _, peer := range r.Peers {
			for i := range peer.Lanes {
				p.put(of(&peer.Lanes[i]), strconv.Itoa(int(peer.Peer)), peer.Lanes[i].Name)
			}
		}
	}
}

func keys(m map[string]float64) iter.Seq[string] { return maps.Keys(m) }

// sample reads one of the Go runtime's own metrics.
func sample(name string) float64 {
	s := []metrics.Sample{{Name: name}}
	metrics.Read(s)
	switch s[0].Value.Kind() {
	case metrics.KindUint64:
		return float64(s[0].Value.Uint64())
	case metrics.KindFloat64:
		return s[0].Value.Float64()
	}
	return 0
}

func memory() map[string]float64 {
	return map[string]float64{"total": sample("/memory/classes/total:bytes"), "heap": sample("/memory/classes/heap/objects:bytes")}
}

func gcCycles() float64 { return sample("/gc/cycles/total:gc-cycles") }
