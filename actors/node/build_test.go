package node

import (
	"errors"
	"log/slog"
	"testing"

	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// Links that are broken break the node: it is told so, and stops what runs on it.
func TestBrokenLinksBreakTheNode(t *testing.T) {
	var links remote.Options
	var told error
	enough := errors.New("enough was seen")
	w := Process()
	w.Store = func(Config) (storage.Store, error) { return memory.New(), nil }
	w.Links = func(o remote.Options) (remote.Links, error) { links = o; return nil, enough }
	_, err := build(w, Config{
		ID: 1, Dir: t.TempDir(), Listeners: []Listener{{Name: "PLAINTEXT", Listen: "127.0.0.1:0"}},
		Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { told = err },
	})
	if !errors.Is(err, enough) || links.Fatal == nil {
		t.Fatalf("%v; the links tell nobody that they are broken: %v", err, links.Fatal == nil)
	}
	cause := errors.New("broken")
	links.Fatal(cause)
	if told != cause {
		t.Errorf("told of %v", told)
	}
}
