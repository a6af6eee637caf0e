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
	for a := range nodes + 1 {
		for b := range nodes + 1 {
			if l := f.link(a, b); a != b && l != (hosts.Link{}) {
				links[hosts.Path{From: a, To: b}] = l
			}
		}
	}
	return links
}

// link is what the fault does to what one host sends another.
func (f Fault) link(a, b int) hosts.Link {
	from, to := slices.Contains(f.Nodes, a), slices.Contains(f.Nodes, b)
	switch {
	case f.cuts(from, to, a == hosts.Clients || b == hosts.Clients):
		return hosts.Link{Cut: true}
	case f.Kind == "lossy" && (from || to):
		return hosts.Link{Loss: f.Strength * mostLoss}
	case f.Kind == "slow-net" && (from || to):
		return hosts.Link{Delay: time.Duration(f.Strength * float64(mostDelay))}
	}
	return hosts.Link{}
}

// cuts reports whether the fault keeps one host from reaching another: from and to say whether it
// is about them, client whether one of them is the clients'.
func (f Fault) cuts(from, to, client bool) bool {
	switch f.Kind {
	case "isolate":
		return from != to
	case "power":
		return from || to
	case "partial":
		return from && to
	case "split", "flap":
		return from != to && !client
	case "shatter":
		return !client
	case "deaf":
		return to && !client
	case "mute":
		return from && !client
	}
	return false
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
