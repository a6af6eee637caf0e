package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/ledger"
)

// fetchOf names n partitions of a topic, from one on.
func fetchOf(topic string, from, n int32) *kmsg.FetchRequest {
	r := kmsg.NewPtrFetchRequest()
	r.Version, r.SessionEpoch = 11, 0
	t := kmsg.NewFetchRequestTopic()
	t.Topic = topic
	for i := range n {
		p := kmsg.NewFetchRequestTopicPartition()
		p.Partition = from + i
		t.Partitions = append(t.Partitions, p)
	}
	r.Topics = append(r.Topics, t)
	return r
}

// kept makes a session of a request and offers it.
func kept(s *fetchSessions, r *kmsg.FetchRequest, owner chan struct{}) *fetchSession {
	session := newFetchSession()
	session.update(r)
	s.keep(session, owner)
	return session
}

func TestSessionsMakeRoomByKafkasRules(t *testing.T) {
	now := time.Unix(0, 0)
	s := newFetchSessions(func() int { return 2 }, func() int64 { return 1 << 30 }, func() time.Time { return now }, nil)
	owner := make(chan struct{})
	here := func(what string, session *fetchSession, want bool) {
		t.Helper()
		if _, ok := s.byID[session.id]; ok != want || session.id == 0 && want {
			t.Errorf("%s: kept %t, want %t", what, ok, want)
		}
	}
	small, large := kept(s, fetchOf("a", 0, 1), owner), kept(s, fetchOf("a", 0, 50), owner)
	if third := kept(s, fetchOf("a", 0, 100), owner); third.id != 0 {
		t.Error("sessions that are new and used made room for a third")
	}
	here("the first", small, true)
	here("the second", large, true)
	now = now.Add(evictAfter + time.Second)
	for _, session := range []*fetchSession{small, large} {
		if _, err := s.find(session.id, owner); err != nil {
			t.Fatal(err)
		}
	}
	if equal := kept(s, fetchOf("a", 0, 1), owner); equal.id != 0 {
		t.Error("an old session made room for one that is as small")
	}
	larger := kept(s, fetchOf("a", 0, 2), owner)
	here("a larger one than an old one", larger, true)
	here("the old one", small, false)
	now = now.Add(evictAfter + time.Second)
	here("one after all were idle", kept(s, fetchOf("a", 0, 1), owner), true)
	here("the one that was not used for longest", large, false)
}

func TestSessionsAreBoundedByTheirMemory(t *testing.T) {
	const limit = 1 << 20
	s := newFetchSessions(func() int { return 1000 }, func() int64 { return limit }, time.Now, &ledger.Ledger{})
	c := &bounded{operate(t, 3), 1000}
	first := fetchOf(strings.Repeat("x", 100_000), 0, 1)
	id := answer[*kmsg.FetchResponse](t, c, s.fetch, first).SessionID
	if id == 0 || s.bytes < 100_000 {
		t.Fatalf("session %d with a name of 100,000 bytes is counted with %d", id, s.bytes)
	}
	for epoch := int32(1); epoch < 1000; epoch++ {
		r := fetchOf("nope", epoch*100, 100)
		r.SessionID, r.SessionEpoch = id, epoch
		code := answer[*kmsg.FetchResponse](t, c, s.fetch, r).ErrorCode
		if s.bytes > limit || s.underWay != 0 {
			t.Fatalf("sessions hold %d bytes of %d, fetches %d", s.bytes, limit, s.underWay)
		}
		if code == 0 {
			continue
		}
		if code != kerr.FetchSessionIDNotFound.Code || s.bytes != 0 || len(s.byID) != 0 {
			t.Fatalf("a session that outgrew the memory: %v, and %d bytes are held", kerr.ErrorForCode(code), s.bytes)
		}
		// larger than a session may be, and not too large to be read
		again := answer[*kmsg.FetchResponse](t, c, s.fetch, fetchOf(strings.Repeat("y", 100_000), 0, 2600))
		if again.ErrorCode != 0 || again.SessionID != 0 || len(again.Topics[0].Partitions) != 2600 {
			t.Fatalf("begun anew: %v, session %d", kerr.ErrorForCode(again.ErrorCode), again.SessionID)
		}
		if r := answer[*kmsg.FetchResponse](t, c, s.fetch, fetchOf("nope", 0, 10_000)); r.ErrorCode != kerr.InvalidRequest.Code {
			t.Fatalf("a fetch that is larger than the memory: %v", kerr.ErrorForCode(r.ErrorCode))
		}
		return
	}
	t.Fatal("a session may hold 100,000 partitions")
}

func TestWhatSessionsForgetIsGivenBack(t *testing.T) {
	s := newFetchSessions(func() int { return 1000 }, func() int64 { return 1 << 30 }, time.Now, &ledger.Ledger{})
	owner, other := make(chan struct{}), make(chan struct{})
	for i := range 10 {
		kept(s, fetchOf(fmt.Sprint(i), 0, 10), owner)
	}
	last := kept(s, fetchOf("other", 0, 1), other)
	forget := fetchOf("other", 1, 0)
	forgotten := kmsg.NewFetchRequestForgottenTopic()
	forgotten.Topic, forgotten.Partitions = "other", []int32{0, 0, 7}
	forget.ForgottenTopics = append(forget.ForgottenTopics, forgotten)
	last.update(forget)
	if last.bytes != 0 || len(last.topics) != 0 {
		t.Errorf("a session without partitions is counted with %d bytes, %d topics", last.bytes, len(last.topics))
	}
	s.left(owner)
	if len(s.byID) != 1 || s.bytes != last.held {
		t.Errorf("%d sessions are left after a connection, with %d bytes", len(s.byID), s.bytes)
	}
	s.close(last.id)
	if open := s.books.Read().Open(); open != "" {
		t.Errorf("the ledger has %s", open)
	}
	if s.bytes != 0 || s.used.Len() != 0 {
		t.Errorf("%d bytes are held by %d sessions", s.bytes, s.used.Len())
	}
}

// A fetch that is still worked on when its connection ends leaves nothing: who forgets the sessions
// of a connection has been there already.
func TestAConnectionThatEndedLeavesNoSession(t *testing.T) {
	s := newFetchSessions(func() int { return 1000 }, func() int64 { return 1 << 30 }, time.Now, &ledger.Ledger{})
	alive, ends := make(chan struct{}), make(chan struct{})
	taken := kept(s, fetchOf("taken over", 0, 1), alive)
	close(ends)
	s.left(ends)
	if late := kept(s, fetchOf("new", 0, 1), ends); late.id != 0 {
		t.Error("a session is kept for a connection that has ended")
	}
	if _, err := s.find(taken.id, ends); err != nil {
		t.Fatal(err)
	}
	if open := s.books.Read().Open(); open != "" {
		t.Errorf("the ledger has %s", open)
	}
}
