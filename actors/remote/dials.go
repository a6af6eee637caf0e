package remote

import (
	"context"
	"sync"

	"google.golang.org/grpc"
)

// dials are the newest connections of one lane by the address dialled. Protoactor gives no hold on
// them: it waits for a peer that is not there for ever, also for one that was removed.
type dials struct {
	mu   sync.Mutex
	open map[string]*grpc.ClientConn
}

func newDials() *dials { return &dials{open: make(map[string]*grpc.ClientConn)} }

// note remembers the connection that a stream is asked of, before it is there. It is a
// grpc.StreamClientInterceptor.
func (d *dials) note(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer,
	opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	d.mu.Lock()
	d.open[cc.Target()] = cc
	d.mu.Unlock()
	return streamer(ctx, desc, cc, method, opts...)
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
