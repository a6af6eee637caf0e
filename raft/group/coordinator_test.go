package group

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// made is a group that is there.
func (s *script) made(id string) *classic {
	g := s.core.classicOf(id)
	if g == nil {
		g = newClassic(s.core, id, s.now)
		s.core.put(g.group)
	}
	return g
}

func TestFetchAllTellsTopicsThatAreThere(t *testing.T) {
	s := newScript()
	g := s.made("g")
	for p := range int32(2) {
		g.offsets[offsetKey{"u", p}] = offset{offset: int64(p), topicID: s.topicID("u")}
		g.offsets[offsetKey{"t", p}] = offset{offset: int64(p), topicID: s.topicID("t")}
	}
	g.offsets[offsetKey{"nowhere", 0}] = offset{offset: 9}
	g.offsets[offsetKey{"old", 0}] = offset{offset: 9, topicID: [16]byte{99}}
	var got []string
	for _, f := range s.core.FetchAll("g", s.known) {
		got = append(got, f.Topic)
	}
	if len(got) != 4 || got[0] != "t" || got[3] != "u" {
		t.Errorf("got offsets of %v, want two of t and two of u", got)
	}
	if all := s.core.FetchAll("none", s.known); len(all) != 0 {
		t.Errorf("a group that is not there has %v", all)
	}
}

// KIP-447: a transactional consumer that was replaced must not read offsets, or it would process
// records twice.
func TestCheckFetchFencesMembers(t *testing.T) {
	s := newScript()
	g := s.made("g")
	g.add(&member{id: "m"})
	g.generation = 3
	one, other := "m", "other"
	for _, test := range []struct {
		group  string
		member *string
		epoch  int32
		want   *kerr.Error
	}{
		{"g", nil, -1, nil}, {"g", &one, -1, nil}, {"g", &one, 3, nil}, {"g", &one, 2, kerr.IllegalGeneration},
		{"g", &other, 3, kerr.UnknownMemberID}, {"none", &one, 3, kerr.UnknownMemberID},
	} {
		if got := s.core.CheckFetch(test.group, test.member, test.epoch); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}

func TestListFilters(t *testing.T) {
	s := newScript()
	s.made("idle")
	s.made("busy").state = stable
	for _, test := range []struct {
		states, types []string
		want          int
	}{
		{nil, nil, 2}, {[]string{"stable"}, nil, 1}, {[]string{"Stable", "EMPTY"}, nil, 2}, {[]string{"Dead"}, nil, 0},
		{nil, []string{"Classic"}, 2}, {nil, []string{"consumer"}, 0},
	} {
		if got := s.core.List(test.states, test.types); len(got) != test.want {
			t.Errorf("states %v, types %v: %d groups, want %d", test.states, test.types, len(got), test.want)
		}
	}
}

// What is not of this version is passed over; what is damaged is told.
func TestLoadTellsDamage(t *testing.T) {
	s := newScript()
	for _, key := range [][]byte{{0, 7, 1, 2, 3}, {0, 3}} {
		if err := s.core.Replay(coordination.NoProducer, coordination.Record{Key: key, Value: []byte("x")}); err != nil {
			t.Errorf("% x: %v", key, err)
		}
	}
	key := groupRecordKey("g")
	good := s.made("g").record(0, nil)
	for name, r := range map[string]coordination.Record{
		"no key":          {Key: nil, Value: nil},
		"a short key":     {Key: []byte{0}, Value: nil},
		"a cut key":       {Key: key[:4], Value: good.Value},
		"a cut value":     {Key: key, Value: good.Value[:len(good.Value)/2]},
		"a cut offset":    {Key: offsetRecordKey("g", offsetKey{"t", 0}), Value: []byte{0, 4, 0}},
		"an offset's key": {Key: offsetRecordKey("g", offsetKey{"t", 0})[:5], Value: []byte{0}},
	} {
		if err := s.core.Replay(coordination.NoProducer, r); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// A record that cannot be read costs nobody else anything, and its own group no more than it must.
func TestLoadGoesOnAfterDamage(t *testing.T) {
	s := newScript()
	// its length overflows 16 bits
	poison := offsetRecordKey(strings.Repeat("x", 40_000), offsetKey{"t", 0})
	at := func(group string, n int64) coordination.Record {
		return offsetRecord(group, offsetKey{"t", 0}, offset{offset: n})
	}
	broken := at("g", 8)
	broken.Value = broken.Value[:5]
	s.log = []coordination.Record{at("g", 7), at("h", 3), {Key: poison, Value: at("g", 1).Value}, broken, at("i", 4)}
	s.reload(kerr.NotCoordinator)
	if len(s.out) != 2 {
		t.Errorf("told of %q, want two records", s.out)
	}
	for group, want := range map[string]Fetched{"g": {Offset: -1, Lost: true}, "h": {Offset: 3}, "i": {Offset: 4}} {
		if got := s.core.Fetch(group, "t", s.topicID("t"), []int32{0})[0]; got.Offset != want.Offset || got.Lost != want.Lost {
			t.Errorf("group %s: %+v, want %+v", group, got, want)
		}
	}
	s.core.ApplyRetention(s.now + 1e12)
	if got := s.core.Fetch("g", "t", s.topicID("t"), []int32{0})[0]; !got.Lost {
		t.Error("that a commit was lost is forgotten: the group would begin where it likes")
	}
}

// What a coordinator keeps of a record is its own: a group would else keep as much of the log as
// was read at once with its record.
func TestLoadKeepsNothingOfTheLog(t *testing.T) {
	g := newClassic(New(Config{}, nil), "g", 0)
	g.protocolType, g.protocol, g.generation, g.leader = consumerType, "range", 1, "m"
	m := &member{id: "m", protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("topics")}}}
	g.add(m)
	r := g.record(0, map[string][]byte{"m": []byte("assigned")})
	c := New(Config{}, nil)
	if err := c.Replay(coordination.NoProducer, r); err != nil {
		t.Fatal(err)
	}
	clear(r.Key)
	clear(r.Value)
	if got := c.Describe("g", 5).Members; len(got) != 1 || string(got[0].MemberAssignment) != "assigned" || string(got[0].ProtocolMetadata) != "topics" {
		t.Errorf("after the log was let go of: %+v", got)
	}
}
