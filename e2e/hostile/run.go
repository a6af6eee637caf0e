package hostile

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
)

// Target is the node that is sent to, and how it is looked at.
type Target struct {
	Address string
	// Alive is nil while the process runs.
	Alive func() error
	// Memory is what the process uses of its own, in bytes.
	Memory func() (int64, error)
	// Left tells what the node still holds of what clients made it take; "" if nothing.
	Left func(context.Context) (string, error)
	// Stacks writes down where all of the node's goroutines are, and returns the name of the file.
	Stacks func() string
}

// Limits are what the node must keep to.
type Limits struct {
	Answer time.Duration // for another client's request
	Memory int64         // bytes
	Settle time.Duration // for all to be given back after the last connection was closed
}

// Plan is what is sent.
type Plan struct {
	Seed    uint64
	Cases   int           // at most; 0: no bound
	For     time.Duration // at most; 0: no bound
	Clients int           // beside each other
	Only    string        // an API's name, or the beginning of one with its version
	Say     func(format string, args ...any)
}

// Report is what came of it.
type Report struct {
	Sent      int
	Memory    int64         // most bytes seen
	Longest   time.Duration // that another client waited
	LongestOf string        // what was sent meanwhile
}

// errEnough ends a run that has sent what it was to.
var errEnough = errors.New("enough")

// Run sends hostile requests and watches. The error says what was sent when a limit was passed:
// singles in a random order, one pair for each three of them, and pairs only when all singles were
// sent.
func Run(ctx context.Context, w World, t Target, l Limits, p Plan) (Report, error) {
	if p.For > 0 {
		bounded, cancel := context.WithTimeout(ctx, p.For)
		defer cancel()
		ctx = bounded
	}
	r := &run{world: w, target: t, limits: l, plan: p, now: make([]atomic.Value, p.Clients)}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var watching, sending sync.WaitGroup
	watching.Go(func() { r.check(stop, r.witness.watch(ctx, t.Address, l.Answer, r.sending)) })
	watching.Go(func() { r.check(stop, r.watchMemory(ctx)) })
	next := r.cases()
	for i := range p.Clients {
		sending.Go(func() { r.check(stop, r.client(ctx, i, next)) })
	}
	sending.Wait()
	stop(errEnough)
	watching.Wait()
	report := Report{Sent: int(r.sent.Load()), Memory: r.memory.Load(), Longest: time.Duration(r.witness.longest.Load())}
	report.LongestOf, _ = r.witness.during.Load().(string)
	if err := context.Cause(ctx); err != nil && !errors.Is(err, errEnough) && !errors.Is(err, context.DeadlineExceeded) {
		return report, err
	}
	return report, r.settled()
}

type run struct {
	world   World
	target  Target
	limits  Limits
	plan    Plan
	witness witness
	sent    atomic.Int64
	memory  atomic.Int64
	now     []atomic.Value // what each client sends
}

func (r *run) check(stop context.CancelCauseFunc, err error) {
	if err != nil {
		stop(err)
	}
}

// cases returns what is to be sent, one after the other, for all clients.
func (r *run) cases() func() (Case, bool) {
	random := rand.New(rand.NewPCG(r.plan.Seed, 1))
	singles := r.world.Singles(r.plan.Only)
	order := random.Perm(len(singles))
	r.plan.Say("seed %d: %d single extremes", r.plan.Seed, len(singles))
	var mu sync.Mutex
	drawn, single := 0, 0
	return func() (Case, bool) {
		mu.Lock()
		defer mu.Unlock()
		if r.plan.Cases > 0 && drawn == r.plan.Cases {
			return Case{}, false
		}
		drawn++
		if drawn%4 == 0 || single == len(order) {
			return Pair(random, singles), true
		}
		single++
		return singles[order[single-1]], true
	}
}

func (r *run) client(ctx context.Context, i int, next func() (Case, bool)) error {
	s := sender{address: r.target.Address}
	defer s.close()
	for ctx.Err() == nil {
		c, more := next()
		if !more {
			return nil
		}
		request := c.request(r.world)
		if size(reflect.ValueOf(request).Elem()) > 2*mostBytes {
			continue // more than any node takes, and than the tests can hold
		}
		r.now[i].Store(c.String())
		err := s.send(ctx, request)
		if alive := r.target.Alive(); alive != nil {
			return fmt.Errorf("the node ended (%w) while this was sent: %s", alive, r.sending())
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("%w while this was sent: %s", err, r.sending())
		}
		if n := r.sent.Add(1); n%1000 == 0 {
			r.plan.Say("%d requests, %d MiB of memory at most, others waited %s at most", n, r.memory.Load()>>20,
				time.Duration(r.witness.longest.Load()).Round(time.Millisecond))
		}
	}
	return nil
}

// sending is what the clients send at the moment.
func (r *run) sending() (all string) {
	for i := range r.now {
		if s, ok := r.now[i].Load().(string); ok {
			all += "\n  " + s
		}
	}
	return all
}

func (r *run) watchMemory(ctx context.Context) error {
	for ctx.Err() == nil {
		if n, err := r.target.Memory(); err == nil {
			if r.memory.Store(max(r.memory.Load(), n)); n > r.limits.Memory {
				return fmt.Errorf("the node uses %d MiB of memory, %d are allowed, while this was sent: %s", n>>20, r.limits.Memory>>20, r.sending())
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// settled waits until the node holds nothing any more of what clients made it take.
func (r *run) settled() error {
	ctx, cancel := context.WithTimeout(context.Background(), r.limits.Settle)
	defer cancel()
	left, err := "", error(nil)
	for ctx.Err() == nil {
		if left, err = r.target.Left(ctx); err == nil && left == "" {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s after the last connection was closed the node still holds: %s (%v); its stacks are in %s",
		r.limits.Settle, left, err, r.target.Stacks())
}
