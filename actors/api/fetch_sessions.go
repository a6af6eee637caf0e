package api

import (
	"container/list"
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/protocol"
)

// fetchSessions remember what consumers fetch, so that they need only say what changes (KIP-227).
// Both their number and their memory are bounded: who finds no room is answered without a session,
// and says all with every fetch.
type fetchSessions struct {
	slots func() int   // the most sessions (max.incremental.fetch.session.cache.slots)
	limit func() int64 // the most bytes that sessions hold together
	now   func() time.Time
	books *ledger.Ledger

	mu       sync.Mutex
	byID     map[int32]*list.Element
	used     *list.List // of *fetchSession, the one used last in front
	bytes    int64      // that the sessions in used hold: the sum of their held
	underWay int64      // bytes of fetches that are not answered
}

// evictAfter is how long a session must not have been used, or must be old, to make room for
// another one (Kafka's MIN_INCREMENTAL_FETCH_SESSION_EVICTION_MS).
const evictAfter = 2 * time.Minute

// What a partition of a session, the name of a topic in it, and a partition of a fetch under way
// take in memory, about.
const (
	partitionBytes = 400
	topicBytes     = 100
	readBytes      = 800
)

func newFetchSessions(slots func() int, limit func() int64, now func() time.Time, books *ledger.Ledger) *fetchSessions {
	return &fetchSessions{slots: slots, limit: limit, now: now, books: books, byID: make(map[int32]*list.Element), used: list.New()}
}

// find returns the session of an incremental fetch; the connection that the fetch came by owns it
// from then on.
func (s *fetchSessions) find(id int32, by <-chan struct{}) (*fetchSession, *protocol.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.byID[id]
	if !ok {
		return nil, errNoSession(id)
	}
	s.used.MoveToFront(e)
	session := e.Value.(*fetchSession)
	session.last, session.owner = s.now(), by
	if ended(by) {
		s.drop(e)
	}
	return session, nil
}

// ended reports whether a connection has ended. A request of it may still be worked on, after its
// sessions were forgotten: what that one leaves would be forgotten by nobody.
func ended(connection <-chan struct{}) bool {
	select {
	case <-connection:
		return true
	default:
		return false
	}
}

func errNoSession(id int32) *protocol.Error {
	return protocol.Errorf(kerr.FetchSessionIDNotFound, "there is no fetch session %d", id)
}

// keep gives a new session an id and keeps it, if there is room for it.
func (s *fetchSessions) keep(session *fetchSession, by <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	session.created, session.last, session.owner, session.held = s.now(), s.now(), by, session.bytes
	if ended(by) || !s.makeRoom(session) {
		return
	}
	id := randomID()
	for _, taken := s.byID[id]; taken || id == 0; _, taken = s.byID[id] {
		id = randomID()
	}
	session.id = id
	s.byID[id] = s.used.PushFront(session)
	s.books.Take(ledger.Sessions, 1)
	s.count(session.held)
}

// count notes bytes more that sessions hold. The caller holds mu.
func (s *fetchSessions) count(bytes int64) {
	s.bytes += bytes
	s.books.Take(ledger.SessionBytes, bytes)
}

// makeRoom reports whether a new session may be kept, and drops others for it by Kafka's rules:
// those that were not used for a while, or the smallest of the old ones if it is smaller. The
// caller holds mu.
func (s *fetchSessions) makeRoom(session *fetchSession) bool {
	for {
		slot, fits := s.used.Len() < s.slots(), s.bytes+session.held <= s.limit()
		if slot && fits {
			return true
		}
		oldest := s.used.Back()
		switch {
		case oldest == nil:
			return false
		case s.since(oldest.Value.(*fetchSession).last) > evictAfter:
			s.drop(oldest)
		default:
			smaller := s.smallest()
			if !fits || smaller == nil || smaller.Value.(*fetchSession).held >= session.held {
				return false
			}
			s.drop(smaller)
		}
	}
}

func (s *fetchSessions) since(t time.Time) time.Duration { return s.now().Sub(t) }

// smallest returns the smallest of the sessions that are old enough to make room for a larger one.
// The caller holds mu.
func (s *fetchSessions) smallest() (least *list.Element) {
	for e := s.used.Front(); e != nil; e = e.Next() {
		session := e.Value.(*fetchSession)
		if s.since(session.created) > evictAfter && (least == nil || session.held < least.Value.(*fetchSession).held) {
			least = e
		}
	}
	return least
}

// grow reserves memory for a session that becomes larger; false drops the session, for which there
// is none.
func (s *fetchSessions) grow(session *fetchSession, by int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, kept := s.byID[session.id]
	if !kept || e.Value != session {
		return true // somebody else's fetch has just taken its place: this one is its last
	}
	if by > 0 && s.bytes+by > s.limit() {
		s.drop(e)
		return false
	}
	session.held += by
	s.count(by)
	return true
}

// drop forgets a session. The caller holds mu.
func (s *fetchSessions) drop(e *list.Element) {
	session := e.Value.(*fetchSession)
	delete(s.byID, session.id)
	s.used.Remove(e)
	s.books.Give(ledger.Sessions, 1)
	s.count(-session.held)
}

// close forgets the session with an id, if there is one.
func (s *fetchSessions) close(id int32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e, ok := s.byID[id]; ok {
		s.drop(e)
	}
}

// watched marks connections whose end is waited for.
const watched = "fetch sessions"

// watch has the sessions of a connection forgotten when it ends: clients begin a new session on a
// new connection. It is called on the connection's reader goroutine.
func (s *fetchSessions) watch(c *Call) {
	if c.Connection.Values[watched] != nil {
		return
	}
	c.Connection.Values[watched] = true
	closed := c.Connection.Closed
	c.Go(func() {
		c.Cluster.Runtime().Wait(actors.Forever, closed)
		s.left(closed)
	})
}

// left forgets the sessions of a connection that has ended.
func (s *fetchSessions) left(owner <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.used.Front(); e != nil; {
		next := e.Next()
		if e.Value.(*fetchSession).owner == owner {
			s.drop(e)
		}
		e = next
	}
}

// begin counts a fetch of so many partitions that is under way. It reports whether there are so
// many that this one had better not wait for records.
func (s *fetchSessions) begin(partitions int) (crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay += int64(partitions) * readBytes
	s.books.Take(ledger.Fetches, 1)
	return s.underWay > 4*s.limit()
}

// end tells that a fetch is answered.
func (s *fetchSessions) end(partitions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.underWay -= int64(partitions) * readBytes
	s.books.Give(ledger.Fetches, 1)
}

// most is how many partitions one fetch may read: what half of the memory for fetches under way
// holds.
func (s *fetchSessions) most() int { return int(2 * s.limit() / readBytes) }

func randomID() int32 {
	var b [4]byte
	rand.Read(b[:]) // never fails
	return int32(binary.BigEndian.Uint32(b[:]) >> 1)
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

// fetchSession is one consumer's. Its partitions take turns in being first, so that none starves
// behind a full answer.
type fetchSession struct {
	id int32 // 0 if it is not kept

	// held while the partitions are looked through, never while somebody waits
	mu         sync.Mutex
	epoch      int32         // of the next request
	advanced   chan struct{} // closed by the next request: the one under way ends then
	partitions map[fetchKey]*fetched
	order      *list.List // of *fetched
	// partitions in the session by the name of their topic, which is kept once
	topics map[string]int
	bytes  int64 // about what all of it takes

	// Guarded by the mutex of fetchSessions.
	created, last time.Time
	owner         <-chan struct{} // the end of the connection that it was used on last
	held          int64           // what it is counted with
}

func newFetchSession() *fetchSession {
	return &fetchSession{
		epoch: 1, advanced: make(chan struct{}), partitions: make(map[fetchKey]*fetched), order: list.New(), topics: make(map[string]int),
	}
}

// additions is how much a session may grow by a request. The caller holds mu.
func (s *fetchSession) additions(r *kmsg.FetchRequest) (bytes int64) {
	for _, t := range r.Topics {
		if s.topics[t.Topic] == 0 {
			bytes += topicBytes + int64(len(t.Topic))
		}
		for _, p := range t.Partitions {
			if s.partitions[fetchKey{t.Topic, t.TopicID, p.Partition}] == nil {
				bytes += partitionBytes
			}
		}
	}
	return bytes
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
			s.add(key, p)
		}
	}
	for _, t := range r.ForgottenTopics {
		for _, n := range t.Partitions {
			if have := s.partitions[fetchKey{t.Topic, t.TopicID, n}]; have != nil {
				s.remove(have)
			}
		}
	}
}

func (s *fetchSession) add(key fetchKey, want kmsg.FetchRequestTopicPartition) {
	f := &fetched{key: key, want: want}
	f.element = s.order.PushBack(f)
	s.partitions[key] = f
	if s.topics[key.topic] == 0 {
		s.bytes += topicBytes + int64(len(key.topic))
	}
	s.topics[key.topic]++
	s.bytes += partitionBytes
}

func (s *fetchSession) remove(f *fetched) {
	s.order.Remove(f.element)
	delete(s.partitions, f.key)
	s.bytes -= partitionBytes
	if s.topics[f.key.topic]--; s.topics[f.key.topic] == 0 {
		delete(s.topics, f.key.topic)
		s.bytes -= topicBytes + int64(len(f.key.topic))
	}
}

// advance counts a request of the session; an unexpected epoch is an error. The one before, if it
// is not answered yet, ends: its client does not wait for it any more. The caller holds mu.
func (s *fetchSession) advance(epoch int32) *protocol.Error {
	if epoch != s.epoch {
		return errEpoch(s.epoch, epoch)
	}
	if s.epoch++; s.epoch < 0 {
		s.epoch = 1
	}
	close(s.advanced)
	s.advanced = make(chan struct{})
	return nil
}

func errEpoch(session, request int32) *protocol.Error {
	return protocol.Errorf(kerr.InvalidFetchSessionEpoch, "the session is at epoch %d, the request at %d", session, request)
}
