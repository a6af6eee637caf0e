package partition

import (
	"bytes"
	"encoding/binary"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// sent describes a batch that a client sends.
type sent struct {
	producer int64 // -1 for none
	epoch    int16
	seq      int32
	records  int   // 1 if 0
	time     int64 // of all records
	value    string
	padding  int
}

func (s sent) batch() batch.Batch {
	records := make([]batch.Record, max(s.records, 1))
	for i := range records {
		records[i] = batch.Record{Timestamp: s.time, Value: append([]byte(s.value), make([]byte, s.padding)...)}
	}
	b := batch.Build(records)
	if s.producer >= 0 {
		binary.BigEndian.PutUint64(b[43:], uint64(s.producer))
		binary.BigEndian.PutUint16(b[51:], uint16(s.epoch))
		binary.BigEndian.PutUint32(b[53:], uint32(s.seq))
		b.SetCRC()
	}
	return b
}

func plain(value string) sent { return sent{producer: -1, value: value} }

// tester is what testing.T and rapid.T have in common.
type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// solo is a partition that leads alone: what is proposed is appended, and applied when told.
type solo struct {
	t     tester
	p     *Partition
	term  uint64
	log   [][]byte // entry i has index i+1
	terms []uint64
}

func newSolo(t tester, l Limits) *solo {
	s := &solo{t: t, p: New(l)}
	s.lead(1)
	return s
}

func (s *solo) lead(term uint64) {
	s.term = term
	s.append(nil)
	s.p.Lead(term)
}

// append appends a copy, as raft does.
func (s *solo) append(data []byte) {
	s.t.Helper()
	data = bytes.Clone(data)
	s.log, s.terms = append(s.log, data), append(s.terms, s.term)
	if err := s.p.Append(uint64(len(s.log)), s.term, data); err != nil {
		s.t.Fatal(err)
	}
}

// propose appends what was staged.
func (s *solo) propose() (entries int) {
	s.t.Helper()
	cut := s.p.Cut()
	for _, data := range cut {
		s.append(data)
		s.p.Recycle(data)
	}
	return len(cut)
}

// apply applies everything appended.
func (s *solo) apply() {
	s.t.Helper()
	for i := s.p.index + 1; i <= uint64(len(s.log)); i++ {
		if _, err := s.p.Apply(i, s.terms[i-1], s.log[i-1]); err != nil {
			s.t.Fatal(err)
		}
	}
}

// stage stages a batch that must be taken.
func (s *solo) stage(b sent) Staged {
	s.t.Helper()
	at, err := s.p.Stage(b.batch(), StageOptions{AppendTime: -1})
	if err != nil {
		s.t.Fatalf("%+v: %v", b, err)
	}
	return at
}

// commit stages, proposes and applies.
func (s *solo) commit(b sent) Staged {
	s.t.Helper()
	at := s.stage(b)
	s.propose()
	s.apply()
	return at
}
