package group

import "github.com/twmb/franz-go/pkg/kmsg"

// consumerType is the type of protocol whose metadata names topics.
const consumerType = "consumer"

// topicsOf reads a consumer's subscription; ok is false if it is none.
func topicsOf(metadata []byte) (topics map[string]bool, ok bool) {
	var s kmsg.ConsumerMemberMetadata
	if err := s.ReadFrom(metadata); err != nil {
		return nil, false
	}
	topics = make(map[string]bool, len(s.Topics))
	for _, t := range s.Topics {
		topics[t] = true
	}
	return topics, true
}

// subscription returns the topics that members consume; ok is false if that cannot be told.
func (g *classic) subscription() (topics map[string]bool, ok bool) {
	topics = make(map[string]bool)
	for _, m := range g.members {
		some, ok := topicsOf(m.metadata(g.protocol))
		if !ok {
			return nil, false
		}
		for t := range some {
			topics[t] = true
		}
	}
	return topics, true
}
