package e2e

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
	"github.com/troupe-mq/troupe/protocol/batch"
)

// Frames that are cut, that lie about lengths or that had bytes flipped, thousands of them, of
// every request the nodes know, while a producer works: connections end or errors are answered, and
// nothing else happens.
func TestBadInputHarmsNobody(t *testing.T) {
	random := seeded(t)
	c := cluster.Start(t, 3)
	onlyTroupe(t, c)
	c.CreateTopic("good", 3, 3)
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, load.Config{Topic: "good", Partitions: 3})
	producers.Wait(50, 30*time.Second)
	before := residentBytes(t, c.Nodes[0])

	for i := range 3000 {
		send(t, c.Nodes[i%3], spoil(random, anyRequest(random)))
	}
	claims(t, c.Nodes[0])

	grown := residentBytes(t, c.Nodes[0]) - before
	t.Logf("resident memory of node 1 grew by %d MiB", grown>>20)
	if grown > 512<<20 {
		t.Errorf("bad input made node 1 grow by %d MiB", grown>>20)
	}
	if named := regexp.MustCompile(`client=127\.0\.0\.1:\d+`); !c.Nodes[0].LogSays(named) {
		t.Errorf("no line of node 1 names the peer:\n%s", c.Nodes[0].Tail(20))
	}
	producers.Wait(50, 30*time.Second)
	producers.StopClean(30 * time.Second)
	load.Check(t, c, rec, "good")
}

// anyRequest is a request of a key and version that the nodes know, in a frame, filled with
// defaults.
func anyRequest(random *rand.Rand) []byte {
	all := api.APIs()
	known := all[random.IntN(len(all))]
	r := kmsg.RequestForKey(int16(known.Key))
	r.SetVersion(known.Min + int16(random.IntN(int(known.Max-known.Min)+1)))
	return kmsg.NewRequestFormatter(kmsg.FormatterClientID("bad")).AppendRequest(nil, r, int32(random.Int32()))
}

// spoil does one of several things to a frame.
func spoil(random *rand.Rand, frame []byte) []byte {
	switch random.IntN(5) {
	case 0: // cut, the size tells the truth
		frame = frame[:4+random.IntN(len(frame)-3)]
		binary.BigEndian.PutUint32(frame, uint32(len(frame)-4))
	case 1: // the size lies
		binary.BigEndian.PutUint32(frame, random.Uint32())
	case 2: // a wrong version
		binary.BigEndian.PutUint16(frame[6:], uint16(random.Uint32()))
	case 3: // garbage behind the header
		for i := 12; i < len(frame); i++ {
			frame[i] = byte(random.Uint32())
		}
	default:
		for range 1 + random.IntN(4) {
			frame[4+random.IntN(len(frame)-4)] ^= 1 << random.IntN(8)
		}
	}
	return frame
}

// send gives a node some bytes, says that no more follow, and reads until the node has answered or
// closed.
func send(t *testing.T, n *cluster.Node, b []byte) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", n.Addr(), 10*time.Second)
	if err != nil {
		t.Fatalf("node %d: %v", n.ID, err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := conn.Write(b); err != nil {
		return // closed already: fine
	}
	conn.(*net.TCPConn).CloseWrite()
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("node %d neither answered nor closed on % x", n.ID, b)
	}
}

// claims opens many connections that each announce the largest frame and send little of it.
func claims(t *testing.T, n *cluster.Node) {
	t.Helper()
	for range 200 {
		conn, err := net.DialTimeout("tcp", n.Addr(), 10*time.Second)
		if err != nil {
			t.Fatalf("node %d: %v", n.ID, err)
		}
		defer conn.Close()
		conn.Write([]byte{0x06, 0x40, 0, 0, 0, 0, 0, 9}) // 100 MiB of a produce request
	}
	// They are all being read when the node has answered one that came after them.
	_, err := kmsg.NewPtrMetadataRequest().RequestWith(within(t, 10*time.Second), n.Broker())
	if err != nil {
		t.Errorf("node %d: %v", n.ID, err)
	}
}

func residentBytes(t *testing.T, n *cluster.Node) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.Pid()))
	if err != nil {
		t.Skipf("this machine does not tell memory: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib << 10
		}
	}
	t.Skip("this machine does not tell anonymous memory")
	return 0
}

// Record batches that are not what they say are refused with Kafka's errors and a line that names
// who sent them, and change nothing.
func TestBadBatchesAreRefused(t *testing.T) {
	c := cluster.Start(t, 1)
	c.CreateTopic("refuse", 1, 1)
	good := batch.Build([]batch.Record{{Value: []byte("value"), Timestamp: time.Now().UnixMilli()}})
	changed := func(change func(b []byte)) []byte {
		b := append([]byte{}, good...)
		change(b)
		return b
	}
	for name, test := range map[string]struct {
		records []byte
		want    error
		said    string
	}{
		"null":               {nil, kerr.InvalidRecord, "no records were sent"},
		"a wrong checksum":   {changed(func(b []byte) { b[17] ^= 1 }), kerr.CorruptMessage, "the checksum"},
		"a flipped value":    {changed(func(b []byte) { b[len(b)-2] ^= 1 }), kerr.CorruptMessage, "the checksum"},
		"a lying length":     {changed(func(b []byte) { b[8] = 0x7f }), kerr.CorruptMessage, "a batch of length 2130706"},
		"cut":                {good[:len(good)-3], kerr.CorruptMessage, "does not fit into"},
		"cut in its header":  {good[:20], kerr.CorruptMessage, "20 bytes are too few"},
		"message format 1":   {changed(func(b []byte) { b[16] = 1 }), kerr.InvalidRecord, "magic 1"},
		"an unknown format":  {changed(func(b []byte) { b[16] = 9 }), kerr.InvalidRecord, "magic 9"},
		"too many records":   {changed(func(b []byte) { binary.BigEndian.PutUint32(b[57:], 1<<30) }), kerr.CorruptMessage, "the checksum"},
		"a wrong count":      {resummed(changed(func(b []byte) { binary.BigEndian.PutUint32(b[57:], 1<<30) })), kerr.InvalidRecord, "claims 1073741824 records"},
		"a count of both":    {resummed(changed(claimRecords(1 << 30))), kerr.InvalidRecord, "record 1 of 1073741824"},
		"garbage behind one": {append(append([]byte{}, good...), "garbage"...), kerr.InvalidRecord, "more than one batch"},
	} {
		if got := produceBytes(t, c.Node(1), "refuse", test.records); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
		line := regexp.MustCompile(`client=127\.0\.0\.1:\d+ .*topic=refuse partition=0 error=.*` + test.said)
		if c.Flavor() == "troupe" && !c.Node(1).LogSays(line) {
			t.Errorf("%s: no line names who sent it and says %q:\n%s", name, test.said, c.Node(1).Tail(5))
		}
	}
	if end := c.End("refuse", 0); end != 0 {
		t.Errorf("the log ends at %d, want 0", end)
	}
	if err := produceBytes(t, c.Node(1), "refuse", good); err != nil {
		t.Errorf("a good batch: %v", err)
	}
}

// claimRecords makes a batch claim n records in both places that tell.
func claimRecords(n int32) func(b []byte) {
	return func(b []byte) {
		binary.BigEndian.PutUint32(b[23:], uint32(n-1))
		binary.BigEndian.PutUint32(b[57:], uint32(n))
	}
}

// resummed makes the checksum of a batch right.
func resummed(b []byte) []byte {
	binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// produceBytes sends bytes as the records of partition 0.
func produceBytes(t *testing.T, n *cluster.Node, topic string, records []byte) error {
	t.Helper()
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = records
	known, err := n.Topic(within(t, 10*time.Second), topic)
	if err != nil {
		t.Fatal(err)
	}
	one := kmsg.NewProduceRequestTopic()
	one.Topic, one.TopicID, one.Partitions = topic, known.TopicID, append(one.Partitions, p)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis, req.Topics = -1, 5000, append(req.Topics, one)
	var resp *kmsg.ProduceResponse
	cluster.Eventually(t, 20*time.Second, "produce is answered", func(ctx context.Context) (err error) {
		resp, err = req.RequestWith(ctx, n.Broker())
		return err
	})
	return kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode)
}
