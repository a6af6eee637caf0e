package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/telemetry"
	"github.com/troupe-mq/troupe/actors/web"
)

// Broker is a running broker. All methods are safe for any goroutine.
type Broker struct {
	config    Config
	telemetry *telemetry.Telemetry // nil if nothing is told
	node      *node.Node
	http      *web.Server // nil if there is none

	started chan struct{}         // closed once all of the above is set, or Start has failed
	ending  atomic.Bool           // it is being ended, by whoever set this
	broken  atomic.Bool           // Config.Broken was told
	cause   atomic.Pointer[error] // the first failure of the broker's own
	done    chan struct{}         // closed when it has ended
	err     error                 // set before done is closed
}

// Start starts a broker. It returns once the broker listens; Ready tells when it serves clients.
// The context is for the start alone.
func Start(ctx context.Context, c Config) (*Broker, error) {
	if err := errors.Join(ctx.Err(), c.complete()); err != nil {
		return nil, err
	}
	b := &Broker{config: c, started: make(chan struct{}), done: make(chan struct{})}
	defer close(b.started)
	b.config.Node.Fatal = b.breaks
	for _, step := range []func() error{b.observe, b.run, b.serve} {
		if err := step(); err != nil {
			b.ending.Store(true)
			b.tell(ctx)
			return nil, errors.Join(err, b.abandon())
		}
	}
	return b, nil
}

// observe makes what carries the node's telemetry out.
func (b *Broker) observe() (err error) {
	if b.config.HTTP == "" && b.config.Telemetry.Endpoint == "" {
		return nil
	}
	if b.telemetry, err = telemetry.New(b.config.Telemetry); err != nil {
		return err
	}
	b.config.Node.Tracer = b.telemetry.Tracer()
	return nil
}

// run starts the node.
func (b *Broker) run() (err error) {
	if b.node, err = node.StartIn(*b.config.World, b.config.Node); err != nil {
		return err
	}
	if b.telemetry != nil {
		b.telemetry.Observe(b.node)
	}
	return nil
}

// serve starts the endpoints over HTTP.
func (b *Broker) serve() (err error) {
	if b.config.HTTP == "" {
		return nil
	}
	c := &b.config.Node
	if b.http, err = web.Listen(b.config.HTTP, c.Logger); err != nil {
		return err
	}
	b.http.Serve(web.Handler(web.Options{
		Node: b.node, Metrics: b.telemetry.Metrics(), Logger: c.Logger, Level: c.Level, Version: c.Version, Token: b.config.AdminToken,
	}))
	go b.watch()
	return nil
}

// watch stops the broker if it cannot be looked at any more.
func (b *Broker) watch() {
	select {
	case <-b.http.Done():
	case <-b.done:
		return
	}
	if err := b.http.Err(); err != nil {
		b.cause.CompareAndSwap(nil, &err)
		b.endItself(true)
	}
}

// breaks is told of a promise that could not be kept, on the goroutine that found it.
func (b *Broker) breaks(err error) {
	b.config.Node.Logger.Error("the node must stop", "error", err)
	b.cause.CompareAndSwap(nil, &err) // of one that is ended over another failure, that remains
	if !b.broken.CompareAndSwap(false, true) {
		return
	}
	if b.config.Broken != nil {
		b.config.Broken(err)
	}
	go func() {
		<-b.started
		b.endItself(false)
	}()
}

// endItself ends the broker though nobody asked for it.
func (b *Broker) endItself(drain bool) {
	if !b.ending.CompareAndSwap(false, true) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), b.config.StopTimeout)
	defer cancel()
	b.end(ctx, drain)
}

// Ready is closed once the broker is a member of its cluster and serves clients.
func (b *Broker) Ready() <-chan struct{} { return b.node.Ready() }

// Left is closed once the broker's node was removed from its cluster: it has no more to do there.
func (b *Broker) Left() <-chan struct{} { return b.node.Left() }

// Done is closed once the broker has ended, by Stop or because it is broken.
func (b *Broker) Done() <-chan struct{} { return b.done }

// Err says why the broker has ended; nil before, and if Stop ended it in good order.
func (b *Broker) Err() error {
	select {
	case <-b.done:
		return b.err
	default:
		return nil
	}
}

// Node is the broker's node, for what is asked of a node itself.
func (b *Broker) Node() *node.Node { return b.node }

// Unready says why clients should not come here; nil if they should.
func (b *Broker) Unready() error { return b.node.Unready() }

// Bound is where a broker listens for one purpose, and what others are told of that; host:port.
type Bound struct{ Name, Listen, Advertised string }

// Addresses are where a broker listens.
type Addresses struct {
	Kafka         []Bound // in the order of the configuration
	Control, Bulk Bound
	HTTP          string // empty if it is not served
}

// Addresses are where the broker listens, with the ports that it got where port 0 was asked for.
func (b *Broker) Addresses() Addresses {
	at := b.node.Addresses()
	a := Addresses{
		Control: Bound{"control", at.Control.Listen, at.Control.Advertised},
		Bulk:    Bound{"bulk", at.Bulk.Listen, at.Bulk.Advertised},
	}
	for _, l := range at.Listeners {
		a.Kafka = append(a.Kafka, Bound{l.Name, l.Listen, fmt.Sprintf("%s:%d", l.AdvertisedHost, l.AdvertisedPort)})
	}
	if b.http != nil {
		a.HTTP = b.http.Address().String()
	}
	return a
}
