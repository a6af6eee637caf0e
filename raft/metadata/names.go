package metadata

import (
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// maxTopicName is the longest topic name that Kafka allows.
const maxTopicName = 249

// ValidateTopicName tells why a name may not be a topic's, by Kafka's rules; nil if it may.
func ValidateTopicName(name string) *protocol.Error {
	switch {
	case name == "":
		return protocol.Errorf(kerr.InvalidTopicException, "the topic name is empty")
	case name == "." || name == "..":
		return protocol.Errorf(kerr.InvalidTopicException, "the topic name cannot be %q", name)
	case len(name) > maxTopicName:
		return protocol.Errorf(kerr.InvalidTopicException, "the topic name is %d characters long, the limit is %d", len(name), maxTopicName)
	}
	for _, c := range []byte(name) {
		if !legal(c) {
			return protocol.Errorf(kerr.InvalidTopicException, "the topic name %q contains a character other than ASCII letters and digits, '.', '_' and '-'", name)
		}
	}
	return nil
}

func legal(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}
