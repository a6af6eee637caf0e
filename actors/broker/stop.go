package broker

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Stop hands the broker's leaderships over and ends it: for handing over it takes three quarters of
// the time that the context leaves. What takes longer than all of it is left behind, with an error.
// Of a broker that has ended it returns why.
func (b *Broker) Stop(ctx context.Context) error { return b.stop(ctx, true) }

// Kill ends the broker without handing anything over.
func (b *Broker) Kill(ctx context.Context) error { return b.stop(ctx, false) }

func (b *Broker) stop(ctx context.Context, drain bool) error {
	if b.ending.CompareAndSwap(false, true) {
		b.end(ctx, drain)
	}
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return errors.Join(b.Err(), ctx.Err())
	}
}

// end ends the broker, within the context's time. Called once.
func (b *Broker) end(ctx context.Context, drain bool) {
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- b.close(ctx, drain) }()
	var err error
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = fmt.Errorf("not stopped after %s", time.Since(began).Round(time.Millisecond))
	}
	if cause := b.cause.Load(); cause != nil {
		err = errors.Join(*cause, err)
	}
	b.err = err
	close(b.done)
}

// close hands over, delivers what is left to be told, and closes everything.
func (b *Broker) close(ctx context.Context, drain bool) error {
	log := b.config.Node.Logger
	if drain {
		within, cancel := part(ctx, 3, 4)
		if err := b.node.Drain(within); err != nil {
			log.Warn("not every leadership was handed over", "error", err)
		}
		cancel()
	}
	within, cancel := part(ctx, 1, 2)
	defer cancel()
	b.tell(within)
	return b.abandon()
}

// tellTimeout bounds what an unreachable receiver of telemetry costs a stop.
const tellTimeout = 2 * time.Second

// tell delivers what is left to be told.
func (b *Broker) tell(ctx context.Context) {
	if b.telemetry == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	if err := b.telemetry.Shutdown(ctx); err != nil {
		b.config.Node.Logger.Warn("the last telemetry was not delivered", "error", err)
	}
}

// abandon closes what there is.
func (b *Broker) abandon() error {
	var errs []error
	if b.node != nil {
		errs = append(errs, b.node.Stop())
	}
	if b.http != nil {
		errs = append(errs, b.http.Close())
	}
	return errors.Join(errs...)
}

// part is a context with a part of the time that is left to another; of one without an end, too.
func part(ctx context.Context, of, whole time.Duration) (context.Context, context.CancelFunc) {
	if end, bounded := ctx.Deadline(); bounded {
		return context.WithTimeout(ctx, max(time.Until(end)*of/whole, 0))
	}
	return context.WithCancel(ctx)
}
