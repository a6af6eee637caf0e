package node

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// linkedTo are links that only remember to whom.
type linkedTo struct {
	remote.Links
	peers []metadata.NodeID
}

func (l *linkedTo) Up(metadata.NodeID) bool { return false }

func (l *linkedTo) SetPeer(n metadata.NodeID, _ remote.Address) {
	if !slices.Contains(l.peers, n) {
		l.peers = append(l.peers, n)
	}
}

func (l *linkedTo) RemovePeer(n metadata.NodeID) {
	l.peers = slices.DeleteFunc(l.peers, func(p metadata.NodeID) bool { return p == n })
}

func TestReachKeepsWhoIsNotGone(t *testing.T) {
	founders := map[metadata.NodeID]remote.Address{0: {Control: "a"}, 1: {Control: "b"}, 2: {Control: "c"}}
	links := &linkedTo{peers: []metadata.NodeID{1, 2}} // as Start links them
	n := &Node{config: Config{ID: 0, Peers: founders}, reached: reached{}, here: local.New(local.Options{Runtime: actors.Goroutines{}, Links: links, Peers: founders})}
	full := metadata.NewMachine().Image()
	for id, a := range founders {
		full.Nodes[id] = &metadata.Node{ID: id, Control: a.Control}
	}
	full.Nodes[7] = &metadata.Node{ID: 7, Control: "h"}
	look := func(when string, i *metadata.Image, want ...metadata.NodeID) {
		t.Helper()
		n.Reach(i)
		slices.Sort(links.peers)
		if !slices.Equal(links.peers, want) {
			t.Errorf("%s: linked with %v, want %v", when, links.peers, want)
		}
	}
	look("all", full, 1, 2, 7)
	look("a disk that was given up knows nobody", metadata.NewMachine().Image(), 1, 2, 7)
	look("it was let in again", full, 1, 2, 7)
	without := metadata.NewMachine().Image()
	without.Nodes = map[metadata.NodeID]*metadata.Node{0: full.Nodes[0], 1: full.Nodes[1], 7: full.Nodes[7]}
	without.Gone = map[metadata.NodeID][]uint64{2: {5}}
	look("a founder was removed", without, 1, 7)
	look("it came back", full, 1, 2, 7)
}

// heard are links on which a question is answered by another node.
type heard struct {
	linkedTo
	by *Node
}

func (h *heard) Ask(_ context.Context, _ metadata.NodeID, kind string, body []byte) (answer []byte, err error) {
	h.by.questions.Answer(1, kind, body, func(b []byte, e error) { answer, err = b, e })
	return answer, err
}

// A node whose disk was given up hears so from whoever it sends something to. One with another disk
// by now does not take it for itself.
func TestANodeThatIsGoneIsTold(t *testing.T) {
	founders := map[metadata.NodeID]uint64{1: 10, 3: 30}
	made := func(id metadata.NodeID, incarnation uint64, log *[]error) *Node {
		n := &Node{here: local.New(local.Options{ID: id, Runtime: actors.Goroutines{}, Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { *log = append(*log, err) }})}
		n.here.SetIdentity(&storage.Node{NodeID: id, Incarnation: incarnation, Founders: founders})
		i := metadata.NewMachine().Image()
		i.Nodes[3] = &metadata.Node{ID: 3, Incarnation: 30}
		n.here.SetImage(i)
		return n
	}
	for _, c := range []struct {
		name string
		disk uint64 // of node 3 when it hears it
		ends bool
	}{{"with the disk that is gone", 30, true}, {"with another one", 31, false}} {
		var ended, none []error
		survivor, gone := made(1, 10, &none), made(3, c.disk, &ended)
		gone.answerQuestions()
		survivor.here.Links = &heard{by: gone}
		survivor.here.Stop() // do not wait afterwards
		survivor.tellGone(3, 30)
		if (len(ended) > 0) != c.ends || c.ends && !errors.Is(ended[0], errExpelled) || len(none) > 0 {
			t.Errorf("%s: %v", c.name, ended)
		}
	}
}
