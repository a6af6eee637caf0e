package coordination

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// Translate makes of a failed append what a client is told, as Kafka's coordinators do.
func Translate(err *protocol.Error) *kerr.Error {
	switch err.Kafka {
	case kerr.NotLeaderForPartition, kerr.KafkaStorageError, kerr.FencedLeaderEpoch, kerr.NotCoordinator:
		return kerr.NotCoordinator
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		return kerr.UnknownServerError
	}
	return kerr.CoordinatorNotAvailable
}
