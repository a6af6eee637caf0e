package group

import (
	"cmp"
	"maps"
	"slices"
)

// Surveyed is how one group is, for those who observe.
type Surveyed struct {
	Group   string
	State   string
	Members int
	Offsets []SurveyedOffset // committed, in order of topic and partition
}

// SurveyedOffset is a committed offset.
type SurveyedOffset struct {
	Topic     string
	Partition int32
	Offset    int64
}

// Survey tells how every group is, in order of name; offsets of topics that are not there any more
// are left out.
func (c *Coordinator) Survey(topics Topics) []Surveyed {
	all := make([]Surveyed, 0, len(c.groups))
	for _, name := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.groups[name]
		how := g.kind.summary()
		s := Surveyed{Group: name, State: how.State, Members: how.Members}
		for k, o := range g.offsets {
			if id, n := topics(k.topic); n > 0 && o.of(id) && !o.lost {
				s.Offsets = append(s.Offsets, SurveyedOffset{k.topic, k.partition, o.offset})
			}
		}
		slices.SortFunc(s.Offsets, func(a, b SurveyedOffset) int {
			return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
		})
		all = append(all, s)
	}
	return all
}
