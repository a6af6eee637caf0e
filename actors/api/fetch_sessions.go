package api

import (
	"container/list"
	"crypto/rand"
	"encoding/binary"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// fetchSessions remember what consumers fetch, so that they need only say what changes (KIP-227). When there are too many the one used
// longest ago makes room.
type fetchSessions struct {
	slots func() int

	mu   sync.Mutex
	byID map[int32]*list.Element
	used *list.List // of *fetchSession, the one used last in front
}

func newFetchSessions(slots func() int) *fetchSessions {
	return &fetchSessions{slots: slots, byID: make(map[int32]*list.Element), used: list.New()}
}

// fetchKey names a partition in a session; by id from version 13 on, by name before.
type fetchKey struct {
	topic     string
	id        [16]byte
	partition int32
}

// fetched is a partition in a session: what is wanted, and what the client was told last.
type fetched struct {
	key     fetchKey
	want    kmsg.FetchRequestTopicPartition
	hw      int64
	lso     int64
	start   int64
	told    bool
	element *list.Element
}

// fetchSession is one consumer's. Its partitions take turns in being first, so that none starves behind a full answer.
type fetchSession struct {
	id int32

	mu         sync.Mutex // held while a request of the session is answered
	epoch      int32
	partitions map[fetchKey]*fetched
	order      *list.List // of *fetched
}

// open returns the session that a request belongs to and whether its answer leaves out what did not change. A sessionless request gets a session of its
// own that is not kept (id 0).
func (s *fetchSessions) open(r *kmsg.FetchRequest) (session *fetchSession, incremental bool, _ *protocol.Error) {
	if r.Version < 7 || r.SessionEpoch == -1 {
		if r.SessionID != 0 {
			s.close(r.SessionID)
		}
		return newFetchSession(0), false, nil
	}
	if r.SessionEpoch == 0 {
		if r.SessionID != 0 {
			s.close(r.SessionID)
		}
		return s.create(), false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byID[r.SessionID]
	if !ok {
		return nil, false, protocol.Errorf(kerr.FetchSessionIDNotFound, "there is no fetch session %d", r.SessionID)
	}
	s.used.MoveToFront(e)
	return e.Value.(*fetchSession), true, nil
}

func newFetchSession(id int32) *fetchSession {
	return &fetchSession{id: id, epoch: 1, partitions: make(map[fetchKey]*fetched), order: list.New()}
}

func (s *fetchSessions) create() *fetchSession {
	s.mu.Lock()
	defer s.mu.Unlock()
	slots := s.slots()
	if slots <= 0 {
		return newFetchSession(0)
	}
	for s.used.Len() >= slots {
		oldest := s.used.Back()
		delete(s.byID, oldest.Value.(*fetchSession).id)
		s.used.Remove(oldest)
	}
	id := randomID()
	for _, taken := s.byID[id]; taken || id == 0; _, taken = s.byID[id] {
		id = randomID()
	}
	session := newFetchSession(id)
	s.byID[id] = s.used.PushFront(session)
	return session
}

func randomID() int32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return int32(binary.BigEndian.Uint32(b[:]) >> 1)
}

func (s *fetchSessions) close(id int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byID[id]; ok {
		delete(s.byID, id)
		s.used.Remove(e)
	}
}

// update takes what a request adds, changes and forgets. The caller holds mu.
func (s *fetchSession) update(r *kmsg.FetchRequest) {
	for _, t := range r.Topics {
		for _, p := range t.Partitions {
			key := fetchKey{t.Topic, t.TopicID, p.Partition}
			if have := s.partitions[key]; have != nil {
				have.want = p
				continue
			}
			f := &fetched{key: key, want: p}
			f.element = s.order.PushBack(f)
			s.partitions[key] = f
		}
	}
	for _, t := range r.ForgottenTopics {
		for _, n := range t.Partitions {
			key := fetchKey{t.Topic, t.TopicID, n}
			if have := s.partitions[key]; have != nil {
				s.order.Remove(have.element)
				delete(s.partitions, key)
			}
		}
	}
}

// advance counts a request of the session; an unexpected epoch is an error.
func (s *fetchSession) advance(epoch int32) *protocol.Error {
	if epoch != s.epoch {
		return protocol.Errorf(kerr.InvalidFetchSessionEpoch, "the session is at epoch %d, the request at %d", s.epoch, epoch)
	}
	if s.epoch++; s.epoch < 0 {
		s.epoch = 1
	}
	return nil
}
