package chaos

import (
	"slices"
	"time"

	"github.com/troupe-mq/troupe/e2e/hosts"
)

// mostLoss and mostDelay are what a fault of strength 1 does to packets.
const (
	mostLoss  = 0.4
	mostDelay = 300 * time.Millisecond
)

// links is what the fault does to the network among so many nodes and their clients, while it is
// not away.
func (f Fault) links(nodes int) map[hosts.Path]hosts.Link {
	links := map[hosts.Path]hosts.Link{}
	on := func(a, b int, l hosts.Link) { links[hosts.Path{From: a, To: b}] = l }
	for a := range nodes + 1 {
		for b := range nodes + 1 {
			from, to := slices.Contains(f.Nodes, a), slices.Contains(f.Nodes, b)
			client := a == hosts.Clients || b == hosts.Clients
			switch cut := (hosts.Link{Cut: true}); {
			case a == b:
			case f.Kind == "isolate" && from != to,
				f.Kind == "power" && (from || to),
				f.Kind == "split" && from != to && !client,
				f.Kind == "flap" && from != to && !client,
				f.Kind == "shatter" && !client,
				f.Kind == "partial" && from && to,
				f.Kind == "deaf" && to && !client,
				f.Kind == "mute" && from && !client:
				on(a, b, cut)
			case f.Kind == "lossy" && (from || to):
				on(a, b, hosts.Link{Loss: f.Strength * mostLoss})
			case f.Kind == "slow-net" && (from || to):
				on(a, b, hosts.Link{Delay: time.Duration(f.Strength * float64(mostDelay))})
			}
		}
	}
	return links
}

// together is what several faults do at once: the worst of each.
func together(all ...map[hosts.Path]hosts.Link) map[hosts.Path]hosts.Link {
	sum := map[hosts.Path]hosts.Link{}
	for _, links := range all {
		for p, l := range links {
			s := sum[p]
			sum[p] = hosts.Link{Cut: s.Cut || l.Cut, Loss: max(s.Loss, l.Loss), Delay: max(s.Delay, l.Delay)}
		}
	}
	return sum
}

// cutOff are the nodes that cannot reach, there and back, so many nodes that run, themselves
// included, as a majority of any partition's replicas has.
func cutOff(nodes, majority int, running func(node int) bool, links map[hosts.Path]hosts.Link) (cut []int) {
	for n := 1; n <= nodes; n++ {
		reached := 0
		for m := 1; m <= nodes; m++ {
			if running(m) && running(n) && (n == m || !links[hosts.Path{From: n, To: m}].Cut && !links[hosts.Path{From: m, To: n}].Cut) {
				reached++
			}
		}
		if reached < majority {
			cut = append(cut, n)
		}
	}
	return cut
}
