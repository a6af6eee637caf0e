package badger

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// crashDir tells the test binary that it is the child of TestKill, and where to write.
const crashDir = "TROUPE_STORAGE_CRASH_DIR"

const crashReplicas = 4

// crashEntry is what every log of the child holds at an index.
func crashEntry(r storage.ReplicaID, index uint64) *raftpb.Entry {
	size := 8 + int(index*uint64(r)*7919%9000)
	data := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		binary.BigEndian.PutUint64(data[i:], uint64(r)<<48^index*31+uint64(i))
	}
	return &raftpb.Entry{Index: new(index), Term: new(uint64(5)), Type: raftpb.EntryNormal.Enum(), Data: data}
}

// writeUntilKilled appends to all replicas, one group after the other, and prints after each what
// is acknowledged: the index that all logs have reached.
func writeUntilKilled(dir string) {
	s, err := Open(Options{Dir: dir, Logger: slog.Default(), Fatal: func(err error) { panic(err) }, ValueLogBytes: minValueLogBytes})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(1)
	}
	states := make([]storage.State, crashReplicas)
	held, _ := s.Replicas()
	for i := range states {
		p := storage.Position{Index: 10, Term: 5}
		states[i] = storage.State{Shard: 1, Replica: storage.ReplicaID(i + 1), Start: p, Last: p}
		if len(held) == crashReplicas {
			states[i] = held[i]
		}
	}
	for {
		index := states[0].Last.Index
		group := make([]storage.Append, crashReplicas)
		for i := range states {
			group[i] = crashAppend(&states[i])
		}
		if err := s.Write(group); err != nil {
			fmt.Println("write:", err)
			os.Exit(1)
		}
		fmt.Println(index + crashRun)
	}
}

const crashRun = 3 // entries of each replica in a group

func crashAppend(state *storage.State) storage.Append {
	a := storage.Append{}
	for range crashRun {
		state.Last.Index++
		a.Entries = append(a.Entries, crashEntry(state.Replica, state.Last.Index))
	}
	if state.Last.Index > 400 { // and trim, so that keys are deleted, too
		state.Start = storage.Position{Index: state.Last.Index - 300, Term: 5}
	}
	a.State = *state
	at := storage.Position{Index: state.Last.Index - crashRun, Term: 5}
	a.Checkpoint = &storage.Checkpoint{Position: at, Conf: &raftpb.ConfState{Voters: []uint64{1}}}
	return a
}

// TestKill kills a process that writes, again and again on the same directory, and expects all that
// it acknowledged.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := uint64(10)
	for round := range 4 {
		acked = max(acked, killed(t, dir, time.Duration(100+rand.IntN(300))*time.Millisecond))
		s, err := Open(testOptions(t, dir))
		if err != nil {
			t.Fatalf("round %d: open: %v", round, err)
		}
		checkAcked(t, s, acked)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acked == 10 {
		t.Fatal("nothing was acknowledged in any round")
	}
}

// leastGroups is how many groups are acknowledged at least before a child that writes is killed.
const leastGroups = 12

// killed runs the child for a while from its first acknowledgement, kills it, and returns the last
// index it acknowledged.
func killed(t *testing.T, dir string, after time.Duration) (acked uint64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	groups := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if groups++; groups == leastGroups {
			time.AfterFunc(after, func() { child.Process.Kill() })
		}
		n, err := strconv.ParseUint(strings.TrimSpace(lines.Text()), 10, 64)
		if err != nil {
			child.Process.Kill()
			t.Fatalf("the child says %q", lines.Text())
		}
		acked = n
	}
	child.Wait() // it was killed
	if groups < leastGroups {
		t.Fatalf("the child wrote %d groups and ended", groups)
	}
	return acked
}

func checkAcked(t *testing.T, s *Store, acked uint64) {
	t.Helper()
	if bad := s.Suspect(); len(bad) > 0 {
		t.Fatalf("suspect after a kill: %v", bad)
	}
	states, err := s.Replicas()
	if err != nil || len(states) != crashReplicas {
		t.Fatalf("%d replicas, %v", len(states), err)
	}
	for _, state := range states {
		if state.Last.Index < acked || state.Last.Index != states[0].Last.Index {
			t.Fatalf("replica %d ends at %d, acknowledged was %d, another ends at %d", state.Replica, state.Last.Index, acked, states[0].Last.Index)
		}
		got, err := s.Entries(state.Replica, state.Start.Index+1, state.Last.Index+1, 1<<62)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range got {
			if string(e.Data) != string(crashEntry(state.Replica, e.GetIndex()).Data) {
				t.Fatalf("entry %d of replica %d is another one", e.GetIndex(), state.Replica)
			}
		}
	}
}
