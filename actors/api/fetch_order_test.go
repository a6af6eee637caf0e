//go:build !race

package api_test

import (
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol/batch"
)

// TestASecondFetchOfASessionEndsTheFirst: while a fetch waits for records that never come, the next
// one of its session is answered, and what comes after it on the connection is read.
func TestASecondFetchOfASessionEndsTheFirst(t *testing.T) {
	c := newCluster(t, nil)
	if p := c.produce(9, -1, batch.Build(values(1))); p.ErrorCode != 0 {
		t.Fatalf("%+v", p)
	}
	dial := func() net.Conn {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		return conn
	}
	fetch := func(conn net.Conn, id, epoch int32, wait time.Duration) chan *kmsg.FetchResponse {
		r, topic, partition := c.fetchRequest(11, 1)
		r.SessionID, r.SessionEpoch, r.MaxWaitMillis = id, epoch, int32(wait.Milliseconds())
		if epoch == 0 {
			topic.Partitions = append(topic.Partitions, partition)
			r.Topics = append(r.Topics, topic)
		}
		answer := make(chan *kmsg.FetchResponse, 1)
		go func() {
			body, err := exchange(conn, r, epoch)
			got := r.ResponseKind().(*kmsg.FetchResponse)
			if err != nil || got.ReadFrom(body) != nil {
				t.Errorf("the fetch at epoch %d: %v", epoch, err)
			}
			answer <- got
		}()
		return answer
	}
	one, two := dial(), dial()
	id := (<-fetch(one, 0, 0, 0)).SessionID
	first := fetch(one, id, 1, time.Hour)
	var second *kmsg.FetchResponse
	// until the first has arrived
	for second == nil || second.ErrorCode == kerr.InvalidFetchSessionEpoch.Code {
		if second = <-fetch(two, id, 2, 0); t.Failed() {
			t.FailNow()
		}
	}
	if second.ErrorCode != 0 {
		t.Errorf("the second: %v", kerr.ErrorForCode(second.ErrorCode))
	}
	if got := <-first; got.ErrorCode != kerr.InvalidFetchSessionEpoch.Code {
		t.Errorf("the first, after the second: %v", kerr.ErrorForCode(got.ErrorCode))
	}
	two.Close()
	// the connection that used the session last is gone
	for end := time.Now().Add(20 * time.Second); ; {
		if r := <-fetch(one, id, 3, 0); r.ErrorCode == kerr.FetchSessionIDNotFound.Code {
			return
		} else if r.ErrorCode == 0 {
			t.Log("the session was used again before its connection was seen to end")
			return
		}
		if time.Now().After(end) {
			t.Fatal("the session is still there 20 s after its connection")
		}
	}
}
