package telemetry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/replica"
)

// Scope is how finely what belongs to partitions is shown.
type Scope string

// The scopes. What is not shown by partition is folded: summed, or its largest or smallest value
// taken, as the metric's meaning wants it.
const (
	// Partitions with up to AutoLimit replicas on the node, of groups' lags with up to as many of
	// those, else Off
	Auto       Scope = "auto"
	Partitions Scope = "partitions" // a series for every partition
	Topics     Scope = "topics"     // a series for every topic
	Off        Scope = "off"        // a series for the node
)

// AutoLimit is up to how many of them Auto shows partitions.
const AutoLimit = 1000

// ParseScope reads a scope.
func ParseScope(s string) (Scope, error) {
	switch scope := Scope(s); scope {
	case Auto, Partitions, Topics, Off:
		return scope, nil
	}
	return "", fmt.Errorf("must be one of auto, partitions, topics, off")
}

// of settles Auto for so many partitions.
func (s Scope) of(n int) Scope {
	switch {
	case s != Auto:
		return s
	case n > AutoLimit:
		return Off
	}
	return Partitions
}

// fold makes one value of two where partitions are not shown apart.
type fold func(a, b float64) float64

func sum(a, b float64) float64      { return a + b }
func largest(a, b float64) float64  { return max(a, b) }
func smallest(a, b float64) float64 { return min(a, b) }

// byReplica reads a value of every replica that has one. The family's labels are topic and
// partition.
func byReplica(f fold, of func(*node.ReplicaReading) (v float64, ok bool)) func(*reading, *points) {
	return byReplicaAnd(f, func(r *node.ReplicaReading, emit func(float64, string)) {
		if v, ok := of(r); ok {
			emit(v, "")
		}
	})
}

// byReplicaAnd reads values of every replica, each with one more label.
func byReplicaAnd(f fold, of func(r *node.ReplicaReading, emit func(v float64, extra string))) func(*reading, *points) {
	return func(r *reading, p *points) {
		into := folder{fold: f, at: make(map[folded]float64)}
		for i := range r.Replicas {
			one := &r.Replicas[i]
			of(one, func(v float64, extra string) {
				switch r.scope {
				case Partitions:
					into.add(folded{one.Topic, one.Partition, extra}, v)
				case Topics:
					into.add(folded{one.Topic, -1, extra}, v)
				default:
					into.add(folded{"", -1, extra}, v)
				}
			})
		}
		into.put(p)
	}
}

// total reads a counter of every replica. What replicas counted that have gone stays in the node's
// sum.
func total(of func(replica.Counts) uint64) func(*reading, *points) {
	return totals(func(c replica.Counts, emit func(uint64, string)) { emit(of(c), "") })
}

// totals reads counters of every replica, each with one more label.
func totals(of func(c replica.Counts, emit func(v uint64, extra string))) func(*reading, *points) {
	read := byReplicaAnd(sum, func(r *node.ReplicaReading, emit func(float64, string)) {
		of(r.Standing.Counts, func(v uint64, extra string) { emit(float64(v), extra) })
	})
	return func(r *reading, p *points) {
		read(r, p)
		if r.scope != Off {
			return
		}
		of(r.Gone, func(v uint64, extra string) {
			for i := range p.values {
				if labels := p.values[i].labels; labels[len(labels)-1] == extra || len(p.values) == 1 {
					p.values[i].of += float64(v)
				}
			}
		})
	}
}

// folded names one series of what belongs to partitions.
type folded struct {
	topic     string
	partition int32 // -1 if it is not shown
	extra     string
}

func (f folded) compare(g folded) int {
	return cmp.Or(cmp.Compare(f.topic, g.topic), cmp.Compare(f.partition, g.partition), cmp.Compare(f.extra, g.extra))
}

type folder struct {
	fold fold
	at   map[folded]float64
}

func (f *folder) add(at folded, v float64) {
	if before, ok := f.at[at]; ok {
		v = f.fold(before, v)
	}
	f.at[at] = v
}

// put adds the series in order; labels are topic, partition, and the third if the family has one.
func (f *folder) put(p *points) {
	for _, at := range slices.SortedFunc(maps.Keys(f.at), folded.compare) {
		partition := ""
		if at.partition >= 0 {
			partition = strconv.Itoa(int(at.partition))
		}
		p.put(f.at[at], []string{at.topic, partition, at.extra}[:len(p.labels)]...)
	}
}
