package protocol

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kerr"
)

// What an error says is short however long the name that it quotes: a request for ten thousand
// partitions of a topic with a name of 32 KB took 300 MB for its errors.
func TestDetailsAreShort(t *testing.T) {
	err := Errorf(kerr.UnknownTopicOrPartition, "there is no topic %q", strings.Repeat("ä", 1<<20))
	if len(err.Detail) > mostDetail+3 || !utf8.ValidString(err.Detail) || !strings.HasPrefix(err.Detail, "there is no topic \"ä") {
		t.Errorf("%d bytes: %.40s", len(err.Detail), err.Detail)
	}
	if short := Errorf(kerr.UnknownTopicOrPartition, "there is no topic %q", "t"); short.Detail != `there is no topic "t"` {
		t.Errorf("%q", short.Detail)
	}
}
