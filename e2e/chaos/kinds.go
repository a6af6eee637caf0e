package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is a way to break nodes.
type Kind struct {
	Name string
	Help string

	pick        func(r *rand.Rand, nodes int) []int // whom
	least, most time.Duration                       // how long
	// of those that come and go: the longest time until the next change; else 0
	beat time.Duration
}

// Kinds are all ways to break nodes. What partitions nodes from each other leaves clients connected
// to all of them, but for isolate and power.
var Kinds = []Kind{
	{Name: "kill", Help: "SIGKILL of some or all nodes, and a start", pick: some, least: 200 * time.Millisecond, most: 4 * time.Second},
	{Name: "pause", Help: "SIGSTOP of some or all nodes, and SIGCONT: they come back in the belief that no time has passed", pick: some, least: 300 * time.Millisecond, most: 5 * time.Second},
	{Name: "isolate", Help: "a node hears nobody and nobody hears it, clients neither", pick: one, least: time.Second, most: 6 * time.Second},
	{Name: "split", Help: "a node hears no node and no node hears it; clients reach it", pick: one, least: time.Second, most: 6 * time.Second},
	{Name: "shatter", Help: "no two nodes hear each other: there is no majority", pick: all, least: time.Second, most: 5 * time.Second},
	{Name: "partial", Help: "two nodes do not hear each other, the others hear both", pick: two, least: time.Second, most: 6 * time.Second},
	{Name: "deaf", Help: "a node is heard and hears no other node", pick: one, least: time.Second, most: 6 * time.Second},
	{Name: "mute", Help: "a node hears the others and is heard by no other node", pick: one, least: time.Second, most: 6 * time.Second},
	{Name: "flap", Help: "split that comes and goes, up to twice a second", pick: one, least: 2 * time.Second, most: 6 * time.Second, beat: time.Second},
	{Name: "lossy", Help: "a part of the packets between a node and everybody is lost", pick: one, least: time.Second, most: 5 * time.Second},
	{Name: "slow-net", Help: "packets between a node and everybody take long", pick: one, least: time.Second, most: 5 * time.Second},
	{Name: "slow-disk", Help: "a node's disk stops to answer again and again", pick: one, least: 2 * time.Second, most: 5 * time.Second, beat: 300 * time.Millisecond},
	{Name: "stuck-disk", Help: "a node's disk does not answer", pick: one, least: time.Second, most: 4 * time.Second},
	{Name: "full-disk", Help: "the disks of some or all nodes are filled, to where they refuse writes or to where they follow nobody", pick: some, least: 2 * time.Second, most: 6 * time.Second},
	{Name: "power", Help: "some or all nodes lose power, their disks what was not synced", pick: some, least: 200 * time.Millisecond, most: 3 * time.Second},
}

// Names are the names of all kinds.
func Names() (names []string) {
	for _, k := range Kinds {
		names = append(names, k.Name)
	}
	return names
}

// Known complains of names that no kind has.
func Known(names []string) error {
	for _, name := range names {
		if _, err := kindOf(name); err != nil {
			return err
		}
	}
	return nil
}

func kindOf(name string) (Kind, error) {
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return Kinds[i], nil
}

func one(r *rand.Rand, nodes int) []int { return []int{1 + r.IntN(nodes)} }

func two(r *rand.Rand, nodes int) []int { return shuffled(r, nodes)[:min(2, nodes)] }

func all(r *rand.Rand, nodes int) []int { return sorted(shuffled(r, nodes)) }

// some is mostly one, sometimes more, and all of them one time in five.
func some(r *rand.Rand, nodes int) []int {
	switch n := r.IntN(10); {
	case n < 6:
		return one(r, nodes)
	case n < 8:
		return sorted(shuffled(r, nodes)[:1+r.IntN(nodes)])
	}
	return all(r, nodes)
}

func shuffled(r *rand.Rand, nodes int) []int {
	ids := r.Perm(nodes)
	for i := range ids {
		ids[i]++
	}
	return ids
}

func sorted(ids []int) []int { slices.Sort(ids); return ids }
