package storage

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/actors/web"
	store "github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/badger"
	"github.com/troupe-mq/troupe/storage/memory"
)

// logs returns appends of two replicas, with entries whose data can be found in a file.
func logs() []store.Append {
	var all []store.Append
	for r := store.ReplicaID(1); r <= 2; r++ {
		start := store.Position{Index: 10, Term: 5}
		a := store.Append{
			State:      store.State{Shard: 7, Replica: r, Term: 5, Start: start, Last: store.Position{Index: 60, Term: 5}},
			Checkpoint: &store.Checkpoint{Position: start, Conf: &raftpb.ConfState{Voters: []uint64{1}}},
		}
		for i := uint64(11); i <= 60; i++ {
			data := append(bytes.Repeat([]byte{byte(r), byte(i)}, 1000), "the end"...)
			a.Entries = append(a.Entries, &raftpb.Entry{Index: new(i), Term: new(uint64(5)), Data: data})
		}
		all = append(all, a)
	}
	return all
}

// directory is a stopped node's.
func directory(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	at := filepath.Join(dir, "store")
	if err := os.Mkdir(at, 0o700); err != nil {
		t.Fatal(err)
	}
	s, err := badger.Open(badger.Options{Dir: at, Fatal: func(err error) { t.Fatal(err) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Write(logs()), s.Close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAWholeDirectoryIsProved(t *testing.T) {
	var out, progress bytes.Buffer
	if err := Stopped(t.Context(), directory(t), &Report{Out: &out, Progress: &progress}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"replica 1 of shard 7: entries 11 to 60, 98.0 KiB, checkpoint at 10: whole\n",
		"2 replicas, 100 entries, 196.0 KiB read", "had to reach transaction 1 when it was opened and is at 1",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

func TestADamagedDirectoryIsTold(t *testing.T) {
	dir := directory(t)
	files, _ := filepath.Glob(filepath.Join(dir, "store", "*.vlog"))
	content, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(content, bytes.Repeat([]byte{2, 30}, 100))
	if at < 0 {
		t.Fatal("the entry is not where it should be")
	}
	content[at] ^= 1
	if err := os.WriteFile(files[0], content, 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err = Stopped(t.Context(), dir, &Report{Out: &out, Progress: &out})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(out.String(), "replica 2") || !strings.Contains(out.String(), "DAMAGED") {
		t.Fatalf("%v\n%s", err, &out)
	}
	if err := Stopped(t.Context(), t.TempDir(), &Report{Out: &out, Progress: &out}); err == nil || errors.Is(err, ErrDamaged) {
		t.Fatalf("a directory of something else: %v", err)
	}
}

func TestARunningNodeVerifiesItself(t *testing.T) {
	s := memory.New()
	if err := s.Write(logs()); err != nil {
		t.Fatal(err)
	}
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { web.Verify(r.Context(), w, s) }))
	defer node.Close()
	address := strings.TrimPrefix(node.URL, "http://")
	var out bytes.Buffer
	if err := Running(t.Context(), address, &Report{Out: &out, Progress: &out}); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	s.Corrupt(1, 20)
	s.Corrupt(1, 33)
	out.Reset()
	err := Running(t.Context(), address, &Report{Out: &out, Progress: &out})
	if !errors.Is(err, ErrDamaged) || !strings.Contains(out.String(), "entry 20 ") || !strings.Contains(out.String(), "entry 33 ") ||
		!strings.Contains(out.String(), "replica 2 of shard 7: entries 11 to 60") {
		t.Fatalf("%v\n%s", err, &out)
	}
	node.Close()
	if err := Running(t.Context(), address, &Report{Out: &out, Progress: &out}); err == nil || errors.Is(err, ErrDamaged) {
		t.Fatalf("nobody there: %v", err)
	}
}

// TestARestoredDirectoryIsTakenUpAgain restores one whose node had given it up already.
func TestARestoredDirectoryIsTakenUpAgain(t *testing.T) {
	dir := directory(t)
	open := func() *badger.Store {
		s, err := badger.Open(badger.Options{Dir: filepath.Join(dir, "store"), Fatal: func(err error) { t.Error(err) }})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	founders := map[int32]uint64{1: 10, 2: 20}
	gaveUp := store.Node{
		NodeID: 2, Incarnation: 21, Gave: 20, GaveFounders: founders, Run: store.Run{Incarnation: 21, Number: 3},
		Peers: map[int32]store.Run{1: {Incarnation: 10, Number: 7, Reached: 99}},
	}
	if err := errors.Join(s.WriteNode(gaveUp), s.Close()); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Restored(dir, &out); err != nil || !strings.Contains(out.String(), "node 2") {
		t.Fatalf("%v\n%s", err, &out)
	}
	s = open()
	n, err := s.Node()
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	if n.Incarnation != 20 || n.Gave != 0 || !maps.Equal(n.Founders, founders) || len(n.Peers)+len(n.GaveFounders) > 0 {
		t.Errorf("its record: %+v", n)
	}
	if err := Restored(t.TempDir(), &out); err == nil {
		t.Error("an empty directory was taken for one")
	}
}
