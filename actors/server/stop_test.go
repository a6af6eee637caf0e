package server

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestStoppingWaitsForAnswersAndNotForPolls: the grace is for what is under way; a consumer that
// waits for records would use all of it.
func TestStoppingWaitsForAnswersAndNotForPolls(t *testing.T) {
	held := make(chan *Pending, 2)
	s, address, _ := serve(t, Options{CloseGrace: time.Hour}, func(_ *Request, p *Pending) { held <- p })
	poll, both := dial(t, address), dial(t, address)
	poll.send(encode(kmsg.NewPtrFetchRequest(), 11, 1))
	never := <-held
	both.send(produceOf(10))
	produce := <-held
	both.send(encode(kmsg.NewPtrFetchRequest(), 11, 2))
	third := <-held
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	poll.ends()
	answer := kmsg.NewPtrProduceResponse()
	answer.Version = 9
	produce.Resolve(answer)
	both.receive() // then only the poll is left
	both.ends()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server waits for polls")
	}
	never.Resolve(nil)
	third.Resolve(nil)
}
