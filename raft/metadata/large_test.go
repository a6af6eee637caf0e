package metadata

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/storage"
)

// No command is encoded that the store would refuse.
func TestACommandHasABound(t *testing.T) {
	command := func(n int) *Command {
		return &Command{CreateTopic: &CreateTopic{Name: "t", Configs: map[string]string{"retention.ms": strings.Repeat("1", n)}}}
	}
	if b, err := command(MaxCommandBytes - 1000).Encode(); err != nil || len(b) > storage.MaxEntryBytes {
		t.Errorf("%d bytes: %v", len(b), err)
	}
	for _, n := range []int{MaxCommandBytes, storage.MaxEntryBytes} {
		if _, err := command(n).Encode(); !errors.Is(err, kerr.PolicyViolation) {
			t.Errorf("a value of %d bytes: %v", n, err)
		}
	}
}
