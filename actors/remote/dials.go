package remote

import (
	"context"
	"io"
	"sync"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// dials are the connections of one lane by the address dialled. Protoactor gives no hold on them:
// it waits for a peer that is not there for ever, also for one that was removed, and leaves all of
// them open when it shuts down.
type dials struct {
	mu     sync.Mutex
	open   map[string]*grpc.ClientConn // the newest to each address
	all    map[*grpc.ClientConn]struct{}
	closed bool // the lane has stopped
}

func newDials() *dials {
	return &dials{open: make(map[string]*grpc.ClientConn), all: make(map[*grpc.ClientConn]struct{})}
}

// note remembers the connection that a stream is asked of, before it is there. It is a
// grpc.StreamClientInterceptor.
func (d *dials) note(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer,
	opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	if !d.add(cc) {
		_ = cc.Close() // fails only if it is closed already
		return &dialled{dials: d}, nil
	}
	s, err := streamer(ctx, desc, cc, method, opts...)
	if err != nil && d.isClosed() {
		return &dialled{dials: d}, nil
	}
	return &dialled{ClientStream: s, dials: d}, err
}

// add notes a connection, and forgets those that have been closed; false if the lane has stopped.
func (d *dials) add(cc *grpc.ClientConn) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.all {
		if c.GetState() == connectivity.Shutdown {
			delete(d.all, c)
		}
	}
	if d.closed {
		return false
	}
	d.open[cc.Target()] = cc
	d.all[cc] = struct{}{}
	return true
}

func (d *dials) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// hangUp ends the connection to an address, or the attempt to make one.
func (d *dials) hangUp(address string) {
	d.mu.Lock()
	cc := d.open[address]
	delete(d.open, address)
	d.mu.Unlock()
	if cc != nil {
		_ = cc.Close() // fails only if it is closed already
	}
}

// close ends all connections; those that are dialled later are closed at once.
func (d *dials) close() {
	d.mu.Lock()
	d.closed = true
	all := d.all
	d.all, d.open = nil, nil
	d.mu.Unlock()
	for cc := range all {
		_ = cc.Close() // fails only if it is closed already
	}
}

// dialled is the stream of a connection. Once the lane has stopped it pretends to protoactor that
// its peer agreed to talk and then ended the stream: over an error it would sleep for two seconds
// on a goroutine that nobody can wake, and then dial again.
type dialled struct {
	grpc.ClientStream // nil if there is none, as the lane has stopped
	dials             *dials
	answered          bool // the peer, or we in its place, agreed; of the goroutine that receives
}

// SendMsg implements grpc.ClientStream.
func (s *dialled) SendMsg(m any) error {
	if s.ClientStream == nil {
		return nil
	}
	err := s.ClientStream.SendMsg(m)
	if err != nil && s.dials.isClosed() {
		return nil
	}
	return err
}

// RecvMsg implements grpc.ClientStream.
func (s *dialled) RecvMsg(m any) error {
	if s.ClientStream != nil {
		err := s.ClientStream.RecvMsg(m)
		if err == nil || !s.dials.isClosed() {
			s.answered = true
			return err
		}
	}
	answer, ok := m.(*remote.RemoteMessage)
	if s.answered || !ok {
		return io.EOF
	}
	s.answered = true
	answer.MessageType = &remote.RemoteMessage_ConnectResponse{ConnectResponse: &remote.ConnectResponse{}}
	return nil
}

// CloseSend implements grpc.ClientStream.
func (s *dialled) CloseSend() error {
	if s.ClientStream == nil {
		return nil
	}
	return s.ClientStream.CloseSend()
}
