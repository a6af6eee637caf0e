package group

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// known is what a coordinator knows by the log: what it would know if it had just taken over. Of a
// group that rebalances only the offsets are; the rest runs ahead of the log.
func (c *Coordinator) known(settled func(group string) bool) string {
	var out strings.Builder
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.classicOf(id)
		if !g.recorded {
			continue
		}
		fmt.Fprintf(&out, "%s ended=%v\n", id, g.ended)
		for _, k := range g.offsetKeys(everyOffset) {
			fmt.Fprintf(&out, "  %+v %+v\n", k, g.offsets[k])
		}
		if !settled(id) {
			continue
		}
		fmt.Fprintf(&out, "  %s generation=%d protocol=%q of %q leader=%q\n", g.state, g.generation, g.protocol, g.protocolType, g.leader)
		if g.protocolType != "" && g.state == empty {
			fmt.Fprintf(&out, "  since %d\n", g.since)
		}
		for _, m := range g.inOrder() {
			fmt.Fprintf(&out, "  %s (%v) of %s at %s, %d, %d: %q %q\n", m.id, deref(m.instance), m.clientID, m.clientHost,
				m.sessionMS, m.rebalanceMS, m.metadata(g.protocol), m.assignment)
		}
	}
	return out.String()
}

func deref(s *string) string {
	if s == nil {
		return "dynamic"
	}
	return *s
}

// differs compares what is known with what the next coordinator would read, were all committed that
// was decided.
func (s *script) differs() error {
	settled := func(id string) bool {
		g := s.core.classicOf(id)
		return g == nil || !g.behind && (g.state == stable || g.state == empty)
	}
	next := New(s.config, s.newID)
	log := slices.Clone(s.log)
	for _, w := range s.held {
		log = append(log, w.Records...)
	}
	for _, r := range log {
		if err := next.Replay(coordination.NoProducer, r); err != nil {
			return err
		}
	}
	if live, replayed := s.core.known(settled), next.known(settled); live != replayed {
		return fmt.Errorf("known here:\n%s\nread by the next coordinator:\n%s", live, replayed)
	}
	return s.core.miscounted()
}

// miscounted reports whether what is counted, charged or remembered of groups is not what is there.
func (c *Coordinator) miscounted() error {
	var sum int64
	for id := range c.groups {
		g := c.classicOf(id)
		sum += int64(2*len(id)) + groupOverhead
		if at := g.deadline(); !g.stale && at != g.due {
			return fmt.Errorf("group %s is due at %d, and thought to be at %d", id, at, g.due)
		}
		supported := make(map[string]int)
		for _, m := range g.members {
			if m.bytes != m.size() {
				return fmt.Errorf("member %s of %s is charged %d, not %d", m.id, id, m.bytes, m.size())
			}
			sum += m.bytes
			for _, p := range m.protocols {
				supported[p.Name]++
			}
		}
		if !maps.Equal(supported, g.supported) {
			return fmt.Errorf("group %s: protocols %v, counted %v", id, supported, g.supported)
		}
		for p := range g.pending {
			sum += pendingBytes(p)
		}
		for k, o := range g.offsets {
			sum += offsetBytes(k, o)
		}
	}
	if sum != c.memory.Taken() {
		return fmt.Errorf("charged %d for %d", c.memory.Taken(), sum)
	}
	return nil
}
