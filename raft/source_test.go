package raft

import (
	"errors"
	"testing"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/memory"
)

// sources is a store with the logs of replicas 1 and 2: entries 11 to 110 of 8 bytes each.
func sources(t *testing.T) *memory.Store {
	t.Helper()
	s := memory.New()
	for r := storage.ReplicaID(1); r <= 2; r++ {
		a := grown(Found(7, r, []storage.ReplicaID{1, 2}, nil).State, 100)
		a.Checkpoint = Found(7, r, nil, nil).Checkpoint
		if err := s.Write([]storage.Append{a}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// wants takes the next chunk and compares it with what it should be.
func (s *Source) wants(t *testing.T, logs Reader, to storage.ReplicaID, seq, first uint64) {
	t.Helper()
	if !s.Due() {
		t.Fatalf("nothing is due, want chunk %d for replica %d", seq, to)
	}
	c, bytes, err := s.Next(logs)
	if err != nil || c.Gone || c.To != to || c.Seq != seq || c.First != first || len(c.Entries) != 5 || bytes != 40 {
		t.Fatalf("chunk %+v with %d bytes, %v; want chunk %d for replica %d, from entry %d on", c, bytes, err, seq, to, first)
	}
}

func (s *Source) rests(t *testing.T) {
	t.Helper()
	if s.Due() {
		t.Fatal("more is due than there is credit for")
	}
}

func TestASourceGivesInTurnAndWithinCredit(t *testing.T) {
	logs, s := sources(t), &Source{ChunkBytes: 40}
	a := Pull{Shard: 7, From: 8, To: 1, Stream: 1, Next: 11, Upto: 110, Credit: 2}
	b := Pull{Shard: 7, From: 9, To: 2, Stream: 1, Next: 51, Upto: 110, Credit: 2}
	s.Pull(&a)
	s.Pull(&b)
	s.Pull(&a) // once more
	s.wants(t, logs, 8, 0, 11)
	s.wants(t, logs, 9, 0, 51)
	s.wants(t, logs, 8, 1, 16)
	s.wants(t, logs, 9, 1, 56)
	s.rests(t)
	s.Pull(&a) // late: it changes nothing
	s.rests(t)
	a.Seq, a.Next, a.Credit = 1, 16, 3
	s.Pull(&a)
	s.wants(t, logs, 8, 2, 21)
	s.rests(t)
	a.Stream, a.Seq, a.Next, a.Credit = 2, 0, 16, 2 // something was lost: it begins anew
	s.Pull(&a)
	s.wants(t, logs, 8, 0, 16)
	s.wants(t, logs, 8, 1, 21)
	s.rests(t)

	forgetful := &Source{ChunkBytes: 40} // another life of the source
	a.Seq, a.Next, a.Credit = 2, 26, 4
	forgetful.Pull(&a)
	forgetful.wants(t, logs, 8, 2, 26)
	forgetful.wants(t, logs, 8, 3, 31)
	forgetful.rests(t)
}

func TestASourceSaysWhatItCannotGive(t *testing.T) {
	logs, s := sources(t), &Source{ChunkBytes: 40}
	for _, c := range []struct {
		name string
		pull Pull
		err  error
	}{
		{"trimmed", Pull{From: 8, To: 1, Stream: 1, Next: 5, Upto: 110, Credit: 2}, nil},
		{"no such replica", Pull{From: 8, To: 5, Stream: 2, Next: 11, Upto: 110, Credit: 2}, storage.ErrNotFound},
	} {
		s.Pull(&c.pull)
		if !s.Due() {
			t.Fatalf("%s: no answer", c.name)
		}
		if got, _, err := s.Next(logs); !got.Gone || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		s.rests(t)
	}
	logs.Corrupt(2, 60)
	s.Pull(&Pull{From: 9, To: 2, Stream: 1, Next: 60, Upto: 110, Credit: 2})
	s.Due()
	if got, _, err := s.Next(logs); !got.Gone || !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("a damaged log: %+v, %v", got, err)
	}
}

func TestASourceForgetsWithoutHarm(t *testing.T) {
	logs, s := sources(t), &Source{ChunkBytes: 40}
	for by := storage.ReplicaID(10); by < 10+2*maxStreams; by++ {
		s.Pull(&Pull{From: by, To: 1, Stream: 1, Next: 11, Upto: 110, Credit: 1})
	}
	n := 0
	for ; s.Due(); n++ {
		if _, _, err := s.Next(logs); err != nil {
			t.Fatal(err)
		}
	}
	if n == 0 || n > 2*maxStreams || len(s.streams) > maxStreams {
		t.Fatalf("%d chunks, %d streams", n, len(s.streams))
	}
}
