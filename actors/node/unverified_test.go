package node

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/hosting"
	"github.com/troupe-mq/troupe/actors/node/leadership"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/upkeep"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// Open to all are the questions alone by which a node is recognised and lets itself be let in.
func TestWhatIsOpenToAll(t *testing.T) {
	table := unverifying(t).questions
	open := slices.DeleteFunc(table.Names(), func(name string) bool { return !table.Open(name) })
	if want := []string{"enter", "hello", "run"}; !slices.Equal(open, want) {
		t.Errorf("%q are answered to whoever asks, want %q", open, want)
	}
}

func unverifying(t *testing.T) *Node {
	n := &Node{here: local.New(local.Options{ID: 1, Runtime: actors.Goroutines{}, Log: slog.New(slog.DiscardHandler)})}
	n.space = upkeep.NewSpace(n.here, upkeep.SpaceOptions{Store: memory.New(), Unwritten: func() int64 { return 0 }})
	n.leaders = leadership.New(n.here, &hosting.Replicas{}, n.space)
	n.answerQuestions()
	n.here.SetIdentity(&storage.Node{NodeID: 1}) // no founder: it verifies nobody
	return n
}

// Who was not seen to be a member is told nothing and changes nothing, whatever it asks; a node
// that loses its link hears that its questions failed.
func TestWhoWasNotVerifiedIsToldNothing(t *testing.T) {
	for _, kind := range unverifying(t).questions.Names() {
		n, answers := unverifying(t), []error(nil)
		if n.questions.Open(kind) {
			continue
		}
		r := receiver{n}
		r.Ask(7, kind, []byte{1}, func(body []byte, err error) {
			if body != nil {
				t.Errorf("%s: a stranger is told %q", kind, body)
			}
			answers = append(answers, err)
		})
		if len(answers) > 0 || n.leaders.NoLeader(7) {
			t.Errorf("%s: a stranger is answered %v", kind, answers)
		}
		if r.failWaiting(7); len(answers) != 1 || !errors.Is(answers[0], errUnlinked) {
			t.Errorf("%s: when its link is gone it hears %v", kind, answers)
		}
	}
}

// What a node asked while it was being verified is answered afterwards, in its order.
func TestWhatWaitedIsAnsweredInOrder(t *testing.T) {
	n := unverifying(t)
	r, order := receiver{n}, []int(nil)
	body := []byte{1}
	r.Ask(7, "rest", body, func([]byte, error) { order = append(order, 1) })
	body[0] = 0 // the buffer is used again
	r.Ask(7, "space", []byte{0}, func([]byte, error) { order = append(order, 2) })
	n.verified.Set(7, true)
	if r.answerWaiting(7); len(order) != 2 || order[0] != 1 || !n.leaders.NoLeader(7) {
		t.Errorf("answered in the order %v, resting: %v", order, n.leaders.NoLeader(7))
	}
	r.Ask(7, "rest", []byte{0}, func([]byte, error) { order = append(order, 3) })
	if len(order) != 3 || n.leaders.NoLeader(7) {
		t.Errorf("a verified node waits")
	}
}

// The room is bounded, for a node and for all, and empty again when everybody has left.
func TestTheWaitingRoomIsBounded(t *testing.T) {
	var w waitingRoom
	for i := range mostWaiting + 10 {
		if in := w.add(7, asked{body: make([]byte, 10)}); in != (i < mostWaiting) {
			t.Fatalf("question %d is taken in: %v", i, in)
		}
	}
	if w.add(8, asked{body: make([]byte, mostWaitingBytes)}) {
		t.Error("more bytes than there is room for are taken in")
	}
	if !w.add(8, asked{body: make([]byte, 100)}) {
		t.Error("one node's questions keep another's out")
	}
	if n := len(w.leave(7)); n != mostWaiting || w.bytes != 100 {
		t.Errorf("%d leave, %d bytes stay", n, w.bytes)
	}
	if w.leave(8); w.bytes != 0 || len(w.of) != 0 {
		t.Errorf("an empty room holds %d bytes", w.bytes)
	}
}

// A foreign node may stay linked for ever: what it asks does not wait for ever with it.
func TestWhatWaitsTooLongFails(t *testing.T) {
	var w waitingRoom
	start := time.Unix(1000, 0)
	for i, from := range []metadata.NodeID{7, 8, 7} {
		w.add(from, asked{body: make([]byte, 10), since: start.Add(time.Duration(i) * time.Second)})
	}
	if old := w.stale(start.Add(2 * time.Second)); len(old) != 2 || w.bytes != 10 || len(w.of) != 1 {
		t.Errorf("%d fail, %d bytes of %d nodes stay", len(old), w.bytes, len(w.of))
	}
	if old := w.stale(start.Add(time.Hour)); len(old) != 1 || w.bytes != 0 || len(w.of) != 0 {
		t.Errorf("%d fail, %d bytes of %d nodes stay", len(old), w.bytes, len(w.of))
	}
}
