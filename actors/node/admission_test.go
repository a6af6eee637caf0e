package node

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// doorsTo are links to nodes that answer who asks to be let in.
type doorsTo struct {
	remote.Links
	answers map[string]any // by address: a joinResponse or an error
	asked   []string
	met     []metadata.NodeID
}

func (d *doorsTo) Addresses() (listen, advertised remote.Address) { return listen, advertised }

func (d *doorsTo) SetPeer(id metadata.NodeID, _ remote.Address) { d.met = append(d.met, id) }

func (d *doorsTo) AskAt(_ context.Context, address, _ string, _ []byte) ([]byte, error) {
	d.asked = append(d.asked, address)
	switch answer := d.answers[address].(type) {
	case error:
		return nil, answer
	default:
		return json.Marshal(answer)
	}
}

// Of the nodes that one was told of, some may be down, or not be members themselves: one that is
// lets it in. What a member refuses is refused.
func TestWhoIsAskedToBeLetIn(t *testing.T) {
	down, again, in, refused := errors.New("nobody listens"), joinResponse{Again: "not formed"}, joinResponse{Founders: map[metadata.NodeID]uint64{1: 1}}, &remote.RemoteError{Text: "no"}
	for name, c := range map[string]struct {
		answers []any
		asked   int
		want    string // in, why it is to ask again, or the error
	}{
		"the first lets it in":           {[]any{in, down}, 1, "in"},
		"the first is down":              {[]any{down, in}, 2, "in"},
		"the first is no member itself":  {[]any{again, in}, 2, "in"},
		"nobody is a member":             {[]any{again, again}, 2, "not formed"},
		"all are down":                   {[]any{down, down}, 2, "nobody listens"},
		"the first refuses it":           {[]any{refused, in}, 1, "no"},
		"the second refuses it":          {[]any{down, refused, in}, 2, "no"},
		"one is no member, the next off": {[]any{again, down}, 2, "nobody listens"},
	} {
		t.Run(name, func(t *testing.T) {
			links := &doorsTo{answers: make(map[string]any)}
			n := &Node{here: local.New(local.Options{Runtime: actors.Goroutines{}, Links: links})}
			for i, answer := range c.answers {
				address := string(rune('a' + i))
				links.answers[address] = answer
				n.config.Join = append(n.config.Join, address)
			}
			a, err := n.ask(joinRequest{})
			got := a.Again
			switch {
			case err != nil:
				got = err.Error()
			case a.Founders != nil:
				got = "in"
			}
			if got != c.want || !slices.Equal(links.asked, n.config.Join[:c.asked]) {
				t.Errorf("%q after asking %v, want %q after %d", got, links.asked, c.want, c.asked)
			}
		})
	}
}

// hurried does not wait.
type hurried struct{ actors.Goroutines }

func (hurried) Wait(_ time.Duration, news ...<-chan struct{}) int {
	return actors.Goroutines{}.Wait(0, news...)
}

// A node that was told to join, and removed before it ever had the metadata, knows nobody but those
// it was told of: it asks them, and hears it.
func TestWhoNeverHadTheMetadataHearsOfItsRemoval(t *testing.T) {
	links := &doorsTo{answers: map[string]any{"a": &remote.RemoteError{Text: "removed"}}}
	var failed error
	n := &Node{config: Config{ID: 4, Join: []string{"a"}}}
	n.here = local.New(local.Options{ID: 4, Runtime: hurried{}, Links: links, Fatal: func(err error) {
		n.here.Stop()
		failed = err
	}})
	n.here.SetIdentity(&storage.Node{NodeID: 4, Incarnation: 7})
	n.standing()
	if failed == nil || !strings.Contains(failed.Error(), "removed") {
		t.Errorf("it ends over %v", failed)
	}
}

// A node that was away while others joined is told where those are, one of which may lead by now;
// the others it knows.
func TestWhoWasAwayLearnsWhereTheNewNodesAre(t *testing.T) {
	known := func(id metadata.NodeID) *metadata.Node { return &metadata.Node{ID: id, Control: "c"} }
	links := &doorsTo{answers: map[string]any{"a": joinResponse{Nodes: []*metadata.Node{known(1), known(2), known(4), known(5)}}}}
	n := &Node{config: Config{ID: 4, Join: []string{"a"}}, here: local.New(local.Options{ID: 4, Runtime: actors.Goroutines{}, Links: links})}
	n.here.SetIdentity(&storage.Node{NodeID: 4, Incarnation: 7})
	image := metadata.NewMachine().Image()
	image.Nodes[1], image.Nodes[4] = known(1), known(4)
	n.here.SetImage(image)
	n.inquire()
	if want := []metadata.NodeID{2, 5}; !slices.Equal(links.met, want) {
		t.Errorf("it links nodes %v, want %v", links.met, want)
	}
}

// A node that asks one that stops asks again, or it would end as one that the cluster has refused:
// nodes that are restarted one after the other ask each other.
func TestWhoStopsRefusesNobody(t *testing.T) {
	n := &Node{here: local.New(local.Options{Runtime: actors.Goroutines{}})}
	n.here.Stop()
	n.here.End()
	n.answerEnter(2, joinRequest{}, func(r joinResponse, err error) {
		if r.Again == "" || err != nil {
			t.Errorf("it is answered %+v, %v", r, err)
		}
	})
}
