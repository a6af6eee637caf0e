package local

import (
	"context"
	"slices"
	"sync"

	"github.com/troupe-mq/troupe/actors"
)

// Gathering collects what several who were asked answer. Safe for any goroutine.
type Gathering[T any] struct {
	mu   sync.Mutex
	left int  // less than 0 while answers came before it was known how many there will be
	told bool // how many there will be
	got  []T
	all  chan struct{} // closed after the last answer
}

// Gather makes a Gathering of answers; Expect tells how many there will be.
func Gather[T any]() *Gathering[T] { return &Gathering[T]{all: make(chan struct{})} }

// GatherFrom makes a Gathering of so many answers.
func GatherFrom[T any](asked int) *Gathering[T] {
	g := Gather[T]()
	g.Expect(asked)
	return g
}

// Expect tells how many were asked, once.
func (g *Gathering[T]) Expect(asked int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = true
	g.left += asked
	g.look()
}

func (g *Gathering[T]) look() {
	if g.told && g.left == 0 {
		close(g.all)
	}
}

// Add takes one's answer, which may be of several parts or none.
func (g *Gathering[T]) Add(parts ...T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got = append(g.got, parts...)
	g.left--
	g.look()
}

// Wait returns what was answered when all have, or when ctx ends.
func (g *Gathering[T]) Wait(ctx context.Context, r actors.Runtime) []T {
	r.Wait(actors.Forever, g.all, ctx.Done())
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.got)
}
