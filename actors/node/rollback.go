package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/node/question"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A disk that is replaced by an older copy of itself tells nothing of it: whatever it holds fits
// together, what its replicas acknowledged since is not there, and they would vote as if it had
// never been. So the nodes remember for each other how far their disks were. A node that starts has
// the others look at its disk before it uses anything of it, and nodes exchange nothing of raft
// before each has looked at the other's.

// runReport is what a node tells of its run.
type runReport struct {
	storage.Run        // Reached is how far the store is now
	Opened      uint64 // how far it was when the run began
}

// runVerdict is the answer to a runReport.
type runVerdict struct {
	Of   uint64    // id of the run that was looked at
	Back string    `json:",omitempty"` // how the disk went back in time, if it did
	Life runReport // of the node that answers
}

// rolledBack tells what speaks for a disk having gone back in time, by what is remembered of it.
// What is told may be old.
func rolledBack(known storage.Run, told runReport) error {
	switch {
	case known.Incarnation != told.Incarnation || known.ID == told.ID:
		return nil // another disk, or the same run
	case told.Number <= known.Number:
		return fmt.Errorf("the data directory says that it is used for the %d. time, and was seen in use for the %d. time", told.Number, known.Number)
	case told.Opened < known.Reached:
		return fmt.Errorf("the data directory held %d writes when the node started, and was seen with %d", told.Opened, known.Reached)
	}
	return nil
}

// later returns what to remember after a report that nothing speaks against.
func later(known storage.Run, told runReport) storage.Run {
	if known.Incarnation == told.Incarnation {
		told.Reached = max(told.Reached, known.Reached)
	}
	return told.Run
}

// peerRuns are the runs of the other nodes, as far as they were told.
type peerRuns struct {
	mu   sync.Mutex
	runs map[metadata.NodeID]storage.Run
}

// take looks at what a node tells; news is true if it is another run than was known.
func (l *peerRuns) take(n metadata.NodeID, told runReport) (news bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.runs[n]
	if err := rolledBack(known, told); err != nil {
		return false, err
	}
	l.runs[n] = later(known, told)
	return known.ID != told.ID, nil
}

// note remembers how far a known run is.
func (l *peerRuns) note(n metadata.NodeID, told runReport) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.runs[n]; known.ID == told.ID {
		l.runs[n] = later(known, told)
	}
}

func (l *peerRuns) all() map[metadata.NodeID]storage.Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.runs)
}

// beginRun begins a run on a disk.
func (n *Node) beginRun(id *storage.Node) {
	if id.Run.Incarnation != id.Incarnation {
		id.Run = storage.Run{Incarnation: id.Incarnation}
	}
	id.Run.Number++
	id.Run.ID, id.Run.Reached = newIncarnation(), n.store.Reached()
}

// runReport is what this node tells of its run.
func (n *Node) runReport() runReport {
	run := n.here.Identity().Run
	opened := run.Reached
	run.Reached = n.store.Reached()
	return runReport{run, opened}
}

// updateRecord changes the node's record, durably.
func (n *Node) updateRecord(change func(*storage.Node)) error {
	n.recording.Lock()
	defer n.recording.Unlock()
	id := *n.here.Identity()
	change(&id)
	id.Peers = n.peerRuns.all()
	reached := n.store.Reached()
	if err := n.store.WriteNode(id); err != nil {
		return fmt.Errorf("write the node's record: %w", err)
	}
	n.recorded = reached + 1
	n.here.SetIdentity(&id)
	return nil
}

// answerRun answers a node that has its disk looked at. That it runs is durable here before it
// hears so.
func (n *Node) answerRun(from metadata.NodeID, told runReport, reply func(runVerdict, error)) {
	j := runVerdict{Of: told.ID, Life: n.runReport()}
	news, back := n.peerRuns.take(from, told)
	if back != nil {
		n.here.Log.Error("the data directory of a node holds what it held some time ago: nothing is exchanged with it", "peer", from, "error", back)
		j.Back = back.Error()
	}
	if !news {
		reply(j, nil)
		return
	}
	if !n.here.Do(func() {
		err := n.updateRecord(func(*storage.Node) {})
		if err != nil {
			n.here.Fail(err)
		}
		reply(j, err)
	}) {
		reply(j, local.ErrStopping)
	}
}

// runQuestion has the asked node look at the disk of the asking one.
var runQuestion = question.Question[runReport, runVerdict]{Name: "run", Open: true}

// checkRun has a peer look at this node's disk, and looks at the peer's. back is what it says of
// this one; an error means that the two may not exchange anything yet.
func (n *Node) checkRun(peer metadata.NodeID) (back string, err error) {
	ctx, cancel := n.here.Timeout(n.here.Context, greetTimeout)
	defer cancel()
	j, err := runQuestion.Ask(ctx, n.here.Links, peer, n.runReport())
	if err != nil {
		return "", err
	}
	if j.Back != "" && j.Of == n.here.Identity().Run.ID { // not the run before the disk was given up
		return j.Back, nil
	}
	news, err := n.peerRuns.take(peer, j.Life)
	if err == nil && news {
		err = n.updateRecord(func(*storage.Node) {})
	}
	return "", err
}

const (
	// for the others to look at this disk; one that does not answer looks before anything is exchanged
	// with it
	rollbackWithin = time.Second
	runEvery       = time.Second // between two words of how far the store is
)

// checkRollback has the other nodes look at this disk before anything of it is used. If one of them
// remembers more of it than it holds, all of it is given up, and the node goes on as with an empty
// disk.
func (n *Node) checkRollback() error {
	left := n.others()
	for end := n.here.Now().Add(rollbackWithin); len(left) > 0 && n.here.Now().Before(end); {
		next := n.here.Linked.Changed()
		backs := make([]string, len(left))
		seen := make([]bool, len(left))
		var each []func()
		for i, peer := range left {
			each = append(each, func() {
				back, err := n.checkRun(peer)
				backs[i], seen[i] = back, err == nil
			})
		}
		actors.Together(n.here, each...)
		var again []metadata.NodeID
		for i, peer := range left {
			if backs[i] != "" {
				return n.giveUpDisk(peer, backs[i])
			}
			if !seen[i] {
				again = append(again, peer)
			}
		}
		if left = again; len(left) > 0 && n.here.Wait(greetAgain, next, n.here.Stopping) == 1 {
			return nil
		}
	}
	return nil
}

// others are the nodes that this one knows before it has opened the metadata: by its configuration,
// and by the last checkpoint on its disk.
func (n *Node) others() []metadata.NodeID {
	others := n.here.ConfiguredPeers()
	i := n.lastImage()
	if i == nil {
		return others
	}
	others = slices.DeleteFunc(others, func(id metadata.NodeID) bool { return i.Nodes[id] == nil && len(i.Nodes) > 0 })
	for _, id := range slices.Sorted(maps.Keys(i.Nodes)) {
		if id == n.here.ID || slices.Contains(others, id) {
			continue
		}
		n.here.Links.SetPeer(id, remote.Address{Control: i.Nodes[id].Control, Bulk: i.Nodes[id].Bulk})
		others = append(others, id)
	}
	return others
}

// lastImage is the metadata as of the checkpoint on disk, nil if there is none.
func (n *Node) lastImage() *metadata.Image {
	states, err := n.store.Replicas()
	if err != nil {
		return nil
	}
	for _, s := range slices.Backward(states) { // the newest has the highest id
		if s.Shard != metadata.MetaShard {
			continue
		}
		c, err := n.store.Checkpoint(s.Replica)
		m := metadata.NewMachine()
		if err == nil && m.Restore(c.Machine) == nil {
			return m.Image()
		}
	}
	return nil
}

// giveUpDisk gives up what the disk holds: nothing of it is used any more. It stays there until the
// cluster lets the node in, which it does when it can do without: were all disks restored from
// backups that were made one after the other, each but the last would be given up, and what they
// hold may be nowhere else.
func (n *Node) giveUpDisk(peer metadata.NodeID, back string) error {
	n.here.Log.Error("this data directory holds what it held some time ago: nothing of it is used any more, and the node joins the cluster as one with an empty one, if the others can do without what is here",
		"dir", n.config.Dir, "peer", peer, "error", back)
	return n.updateRecord(func(id *storage.Node) {
		founders := id.Founders
		*id = givenUp(*id, newIncarnation())
		id.GaveFounders = founders
		n.beginRun(id)
	})
}

// gaveUpDisk reports whether this node gave its disk up and was not let in since: it uses nothing
// of what is there.
func (n *Node) gaveUpDisk() bool {
	id := n.here.Identity()
	return id.Gave != 0 && id.Founders == nil
}

// distrust makes all that a disk holds that was given up unusable for good: the cluster can do
// without it.
func (n *Node) distrust() error {
	states, err := n.store.Replicas()
	if err != nil {
		return err
	}
	var all []storage.Append
	for _, s := range states {
		all = append(all, storage.Append{State: storage.State{Shard: s.Shard, Replica: s.Replica}, Distrust: true})
	}
	n.hosting.Write(all)
	return nil
}

// errRolledBack ends a node whose disk was found too late to have gone back in time: by whom it
// could not ask when it started. What it holds is given up first, or it would come to the same end
// the next time.
var errRolledBack = errors.New("this data directory holds what it held some time ago: what is there is given up, start the node again and it will join as one with an empty directory")

// tellRuns tells the peers how far the store is, until the node stops, and keeps what they told.
func (n *Node) tellRuns() {
	n.here.Every(runEvery, func(time.Time) {
		n.failStale()
		body, err := json.Marshal(n.runReport())
		if err != nil {
			return
		}
		for _, peer := range n.here.Peers() {
			n.here.Links.Tell(peer, tellRun, body)
		}
		if n.heardMore() {
			if err := n.updateRecord(func(*storage.Node) {}); err != nil {
				n.here.Fail(err)
			}
		}
	})
}

// heardMore reports whether what the others told of their stores is to be made durable, so that it
// outlives the end of all nodes at once: if it is new and this store was written to besides. Nodes
// that acknowledged something together were both written to; between idle ones each note would be a
// write for the next note.
func (n *Node) heardMore() bool {
	n.recording.Lock()
	defer n.recording.Unlock()
	return n.store.Reached() > n.recorded && !maps.Equal(n.peerRuns.all(), n.here.Identity().Peers)
}
