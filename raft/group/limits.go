package group

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What a client may choose. Kafka bounds most of these by the 16 bits of their length only; every
// record of a group repeats them, so a small request would become a large write.
const (
	maxGroupBytes = 1024 // of a group's id
	// of a static member's id, which clients hold to the rules of topics' names
	maxInstanceBytes = 255
	maxTypeBytes     = 255     // of a protocol's type or name
	maxProtocols     = 100     // of a member
	maxJoinBytes     = 1 << 20 // of all that a member says for its protocols
	maxClientBytes   = 255     // of a client's id, in what is remembered and in a member's id
	maxPending       = 10_000  // ids of a group that were handed out and not joined with
	maxTopicBytes    = 249     // of a topic's name, as Kafka
)

// refusedJoin tells why a request cannot become a member's, nil if it can.
func (c *Coordinator) refusedJoin(r *kmsg.JoinGroupRequest) *kerr.Error {
	switch {
	case r.Group == "" || len(r.Group) > maxGroupBytes:
		return kerr.InvalidGroupID
	case r.SessionTimeoutMillis < c.config.MinSessionTimeoutMS || r.SessionTimeoutMillis > c.config.MaxSessionTimeoutMS:
		return kerr.InvalidSessionTimeout
	case r.InstanceID != nil && len(*r.InstanceID) > maxInstanceBytes:
		return kerr.InvalidRequest
	case len(r.ProtocolType) > maxTypeBytes || len(r.Protocols) > maxProtocols:
		return kerr.InconsistentGroupProtocol
	}
	said := 0
	for _, p := range r.Protocols {
		if len(p.Name) > maxTypeBytes {
			return kerr.InconsistentGroupProtocol
		}
		said += len(p.Metadata)
	}
	if said > maxJoinBytes {
		return kerr.MessageTooLarge
	}
	return nil
}

// once copies a list of protocols, without what it names again: the first counts. What is kept must
// not keep the request that it came in.
func once(protocols []kmsg.JoinGroupRequestProtocol) []kmsg.JoinGroupRequestProtocol {
	out := make([]kmsg.JoinGroupRequestProtocol, 0, len(protocols))
	for _, p := range protocols {
		if !slices.ContainsFunc(out, func(q kmsg.JoinGroupRequestProtocol) bool { return q.Name == p.Name }) {
			p.Metadata = bytes.Clone(p.Metadata)
			out = append(out, p)
		}
	}
	return out
}

// cut shortens a string to so many bytes, by whole characters.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
