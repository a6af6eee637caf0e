package hostile

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience is how long an answer is waited for before the connection is closed: many requests ask
// the node to wait.
const patience = 300 * time.Millisecond

// sender is one hostile client.
type sender struct {
	address string
	conn    net.Conn
}

// send sends a request, on the connection of the one before unless that was closed, and takes what
// comes back: an answer, an end, or nothing. An error means that the node could not be reached.
func (s *sender) send(ctx context.Context, r kmsg.Request) error {
	if s.conn == nil {
		conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", s.address)
		if err != nil {
			return fmt.Errorf("the node takes no connection: %w", err)
		}
		s.conn = conn
	}
	frame := kmsg.NewRequestFormatter(kmsg.FormatterClientID("hostile")).AppendRequest(nil, r, 1)
	s.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := s.conn.Write(frame); err != nil {
		s.close() // it was refused while it was sent
		return nil
	}
	s.conn.SetReadDeadline(time.Now().Add(patience))
	var head [4]byte
	if _, err := io.ReadFull(s.conn, head[:]); err != nil {
		s.close()
		return nil
	}
	s.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.CopyN(io.Discard, s.conn, int64(binary.BigEndian.Uint32(head[:]))); err != nil {
		s.close()
	}
	return nil
}

func (s *sender) close() {
	if s.conn != nil {
		s.conn.Close()
		s.conn = nil
	}
}

// witness is an honest client beside the hostile ones: it asks something small again and again, and
// notes how long it ever waited.
type witness struct {
	longest atomic.Int64 // ns
	during  atomic.Value // string: what was sent when it waited longest
}

// watch asks until ctx ends. It returns an error when an answer does not come at all.
func (w *witness) watch(ctx context.Context, address string, limit time.Duration, now func() string) error {
	s := sender{address: address}
	defer s.close()
	for ctx.Err() == nil {
		began := time.Now()
		if err := s.ask(limit); err != nil && ctx.Err() == nil {
			return fmt.Errorf("an honest client was not answered within %s (%w) while this was sent: %s", limit, err, now())
		}
		if took := int64(time.Since(began)); took > w.longest.Load() {
			w.longest.Store(took)
			w.during.Store(now())
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

var errCorrelation = errors.New("the answer is to another request")

// ask asks for the metadata of no topic.
func (s *sender) ask(limit time.Duration) error {
	deadline := time.Now().Add(limit)
	if s.conn == nil {
		conn, err := net.DialTimeout("tcp", s.address, limit)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	r := kmsg.NewPtrMetadataRequest()
	r.Version, r.Topics = 1, []kmsg.MetadataRequestTopic{}
	s.conn.SetDeadline(deadline)
	if _, err := s.conn.Write(kmsg.NewRequestFormatter().AppendRequest(nil, r, 9)); err != nil {
		return err
	}
	var head [8]byte
	if _, err := io.ReadFull(s.conn, head[:]); err != nil {
		return err
	}
	if binary.BigEndian.Uint32(head[4:]) != 9 {
		return errCorrelation
	}
	_, err := io.CopyN(io.Discard, s.conn, int64(binary.BigEndian.Uint32(head[:]))-4)
	return err
}
