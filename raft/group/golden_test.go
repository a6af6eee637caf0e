package group

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/raft/coordination"
)

// The records of a group stand on disks and are read by other builds, and by Kafka's tools: these
// are their bytes.
func TestRecordsAreWhatTheyWere(t *testing.T) {
	instance := "i"
	g := newClassic(New(Config{}, nil), "g", 7)
	g.generation, g.protocolType, g.protocol, g.leader = 3, consumerType, "range", "m"
	g.add(&member{
		id: "m", instance: &instance, clientID: "c", clientHost: "/h", sessionMS: 10, rebalanceMS: 20,
		protocols: []kmsg.JoinGroupRequestProtocol{{Name: "range", Metadata: []byte("topics")}},
	})
	for name, test := range map[string]struct {
		record     coordination.Record
		key, value string
	}{
		"a group": {
			g.record(9, map[string][]byte{"m": []byte("all")}), "0002000167",
			"00030008636f6e73756d6572" + "00000003" + "000572616e6765" + "00016d" + "0000000000000009" + "00000001" +
				"00016d" + "000169" + "000163" + "00022f68" + "00000014" + "0000000a" + "00000006746f70696373" + "00000003616c6c",
		},
		"an offset": {
			offsetRecord("g", offsetKey{"t", 2}, offset{offset: 5, epoch: 4, metadata: "x", at: 6, topicID: [16]byte{1}}),
			"00010001670001740000" + "0002",
			"0004000000000000000500000004" + "0278" + "0000000000000006" + "0100" + "1001000000000000000000000000000000",
		},
		"an offset that is kept for a time of its own": {
			offsetRecord("g", offsetKey{"t", 2}, offset{offset: 5, epoch: 4, metadata: "x", at: 6, expires: 9, topicID: [16]byte{1}}),
			"00010001670001740000" + "0002",
			"0004000000000000000500000004" + "0278" + "0000000000000006" + "0200" + "1001000000000000000000000000000000" + "f2e401" + "08" + "0000000000000009",
		},
	} {
		if got := hex.EncodeToString(test.record.Key); got != test.key {
			t.Errorf("%s: key %s, want %s", name, got, test.key)
		}
		if got := hex.EncodeToString(test.record.Value); got != test.value {
			t.Errorf("%s: value %s, want %s", name, got, test.value)
		}
	}
}

// The stories of testdata write what they wrote when this was noted, byte for byte and in order.
func TestScriptsWriteWhatTheyWrote(t *testing.T) {
	paths, err := filepath.Glob("testdata/*")
	if err != nil || len(paths) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if got, want := digest(t, path), written[filepath.Base(path)]; got != want {
				t.Errorf("%q: %q, // was %q", filepath.Base(path), got, want)
			}
		})
	}
}

// digest runs a script and digests what it writes.
func digest(t *testing.T, path string) string {
	s, sum := newScript(), sha256.New()
	s.wrote = func(r coordination.Record) { fmt.Fprintf(sum, "%x %x %t\n", r.Key, r.Value, r.Value == nil) }
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	datadriven.RunTestFromString(t, string(text), func(t *testing.T, d *datadriven.TestData) string {
		s.step(t, d)
		s.out = nil
		return d.Expected
	})
	return hex.EncodeToString(sum.Sum(nil))[:16]
}

// written are digests of all that a script of testdata writes.
var written = map[string]string{
	"admin":           "201d5cde8a1b1b1f",
	"clock":           "570a56fa31bdb320",
	"cooperative":     "1475ce537af7690c",
	"expiry":          "24f9966781931dd5",
	"failed_writes":   "b1fd0bd85ecf7099",
	"fencing":         "c5612e95de1e4cce",
	"handover":        "e488cbcbe418e16e",
	"initial_delay":   "ec02df48935b13ba",
	"join_sync":       "502ec0f0c377c3a2",
	"last_offset":     "ea1ca2c28624a58f",
	"leave":           "ea23d02b5e83f7eb",
	"leave_waiting":   "e3b0c44298fc1c14",
	"limits":          "fabed48a3e543f0e",
	"live_expiry":     "b51307dfe39cfb6b",
	"offset_expiry":   "73252295b3c99dab",
	"offsets":         "115ca9ec725898f7",
	"old_joins":       "a2117ee05fd2910b",
	"own_retention":   "04f3e78270197c21",
	"protocols":       "8ce5a5c0cd040e3e",
	"races":           "b6b303be4976c6cb",
	"restart":         "9db7f33591d79224",
	"size":            "e3b0c44298fc1c14",
	"slow_member":     "316b8d2b9bdb5acc",
	"static":          "ce1dc4db3d3da295",
	"static_expiry":   "b1bacc61c1627d78",
	"static_metadata": "2e1f223f9f91d351",
	"static_waiting":  "093dc6ce70953264",
}

// Version 1 of Kafka's record has a field for an offset's own time of expiry, -1 if there is none.
func TestExpiryInKafkasFirstRecords(t *testing.T) {
	for said, want := range map[int64]int64{9: 9, -1: 0} {
		v := kmsg.NewOffsetCommitValue()
		v.Version, v.Offset, v.CommitTimestamp, v.ExpireTimestamp = 1, 5, 6, said
		c := New(Config{}, nil)
		err := c.Replay(coordination.NoProducer, coordination.Record{Key: offsetRecordKey("g", offsetKey{"t", 2}), Value: v.AppendTo(nil)})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.groups["g"].offsets[offsetKey{"t", 2}]; got.expires != want || got.offset != 5 {
			t.Errorf("%d: %+v", said, got)
		}
	}
}
