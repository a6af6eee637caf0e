package group

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// kind is how the members of a group come together: one protocol of clients, with the state that it
// needs. A kind embeds the group that it is of, and changes nothing of the group but by write,
// charge and stale. What a client asks of a kind by name (JoinGroup) are methods of Coordinator
// beside it, and the records of a kind are Changes of its own.
type kind interface {
	// summary is how the group shows to those who list groups.
	summary() summary
	// vacant reports whether nobody is a member, or is about to be one.
	vacant() bool
	// mayCommit tells why a commit of offsets is refused as a whole.
	mayCommit(now int64, r *kmsg.OffsetCommitRequest) *kerr.Error
	// mayFetch tells why a member may not fetch offsets.
	mayFetch(member string, epoch int32) *kerr.Error
	// consumed reports which topics members read, whose offsets nobody may delete, or why none may be
	// deleted.
	consumed() (func(topic string) bool, *kerr.Error)
	// expiry tells which offsets are expired that were not needed for as long as they are kept; ok is
	// false if none may be.
	expiry(now, retention int64) (expired func(offsetKey, offset) bool, ok bool)
	// tombstones delete what records say of it. What they say of offsets stays.
	tombstones() []coordination.Record

	// deadline is when something is due, 0 if never.
	deadline() int64
	// expire does what is due, and, if the group is behind, what the log took no write for.
	expire(now int64)
	// shift moves all deadlines by so many ms.
	shift(by int64)
	// loaded begins what no record says.
	loaded(now int64)
	// abandon answers everybody who waits.
	abandon(cause *kerr.Error)
	// bytes is what was charged for it and not given back.
	bytes() int64
}

// summary is how a group shows.
type summary struct {
	Type         string // Kafka's name of its kind
	State        string
	ProtocolType string
	Members      int
}
