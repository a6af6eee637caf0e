package badger

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/storage"
)

// TestSwallowedSyncError reports a failed sync the way Badger does, amid a write, and expects Fatal
// and no success after it.
func TestSwallowedSyncError(t *testing.T) {
	var fatal []error
	o := testOptions(t, t.TempDir())
	o.Fatal = func(err error) { fatal = append(fatal, err) }
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	l := newRetained(1, 100, 2000)
	written(t, s, l.next(1))
	s.log.Infof("Error while curlf sync: %v\n", "only an information")
	s.log.Errorf("Unable to read: Key: %v", "k")
	if len(fatal) != 0 {
		t.Fatalf("fatal for nothing: %v", fatal)
	}
	s.log.Errorf("Error while curlf sync: %v\n", errors.New("input/output error"))
	if len(fatal) != 1 || !strings.Contains(fatal[0].Error(), "input/output error") {
		t.Fatalf("fatal: %v", fatal)
	}
	if err := s.Write([]storage.Append{l.next(1)}); !errors.Is(err, fatal[0]) {
		t.Fatalf("a write after it: %v, want %v", err, fatal[0])
	}
	if _, err := s.Tidy(); err != nil && !errors.Is(err, fatal[0]) {
		t.Fatalf("tidy: %v", err)
	}
	if err := s.WriteNode(storage.Node{}); !errors.Is(err, fatal[0]) {
		t.Fatalf("the node record: %v", err)
	}
}

func TestOptionsSayAllThatIsWrong(t *testing.T) {
	_, err := Open(Options{MemTableBytes: 1 << 20, ValueLogBytes: 1 << 20})
	for _, want := range []string{"Dir", "Fatal", "MemTableBytes", "ValueLogBytes"} {
		if err == nil || !strings.Contains(err.Error(), "Options."+want) {
			t.Errorf("%v does not speak of %s", err, want)
		}
	}
}

func TestSized(t *testing.T) {
	small, large := Options{}.Sized(256<<20), Options{ValueLogBytes: 64 << 20}.Sized(8<<30)
	small.setDefaults()
	if small.MemTableBytes != 8<<20 || small.ValueLogBytes != 128<<20 {
		t.Errorf("for 256 MiB: %+v", small)
	}
	if large.MemTableBytes != 16<<20 || large.ValueLogBytes != 64<<20 {
		t.Errorf("for 8 GiB: %+v", large)
	}
}

// TestAListOfTablesThatCouldNotBeWritten reports it the way Badger does, as the warning of a
// compaction.
func TestAListOfTablesThatCouldNotBeWritten(t *testing.T) {
	fatal := 0
	l := &failStop{log: slog.New(slog.DiscardHandler), fatal: func(error) { fatal++ }}
	l.Warningf("[Compactor: %d] LOG Compact FAILED with error: %+v: %+v", 1, errors.New("a checksum is wrong"), "{}")
	if fatal > 0 || l.err() != nil {
		t.Fatal("fatal for a compaction that is tried again")
	}
	l.Warningf("[Compactor: %d] LOG Compact FAILED with error: %+v: %+v", 1, errors.New("sync /data/store/MANIFEST: input/output error"), "{}")
	if fatal != 1 || l.err() == nil {
		t.Fatal("not fatal")
	}
}

// TestSecondOpen opens a directory that is open.
func TestSecondOpen(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	defer closed(t, s)
	if _, err := Open(testOptions(t, dir)); err == nil || !strings.Contains(err.Error(), dir) {
		t.Fatalf("%v", err)
	}
}

// TestManyReplicas opens a store of many replicas, each with a short log.
func TestManyReplicas(t *testing.T) {
	const replicas = 3000
	o := testOptions(t, t.TempDir())
	o.Logger = slog.New(slog.DiscardHandler)
	s := opened(t, o.Dir)
	for r := storage.ReplicaID(1); r <= replicas; {
		var group []storage.Append
		for ; r <= replicas && len(group) < 300; r++ {
			a := newRetained(r, 100, 100).next(5)
			a.Checkpoint = &storage.Checkpoint{Position: a.State.Start, Conf: &raftpb.ConfState{Voters: []uint64{uint64(r)}}}
			group = append(group, a)
		}
		written(t, s, group...)
	}
	closed(t, s)
	s = opened(t, o.Dir)
	defer closed(t, s)
	if all, err := s.Replicas(); err != nil || len(all) != replicas || len(s.Suspect()) != 0 {
		t.Fatalf("%d replicas, %v, suspect %v", len(all), err, s.Suspect())
	}
}
