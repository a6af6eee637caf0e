package telemetry

import (
	"context"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/troupe-mq/troupe/actors/spans"
)

// linesPerSecond is how often a second one event, by its level and message, is logged at most.
const linesPerSecond = 20

// Handler makes a log handler that holds storms back and writes which trace a line belongs to. Of
// one event at most so many lines a second pass; the first that passes afterwards says how many did
// not. Errors always pass.
func Handler(next slog.Handler) slog.Handler {
	return &handler{next: next, storms: &storms{now: time.Now, events: make(map[event]*storm)}}
}

type handler struct {
	next   slog.Handler
	storms *storms
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	pass, held := h.storms.pass(event{r.Level, r.Message})
	if !pass {
		return nil
	}
	if held > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("lines_left_out", held))
	}
	if c := spans.FromContext(ctx); c.Sampled() {
		r = r.Clone()
		r.AddAttrs(slog.String("trace_id", hex.EncodeToString(c.Trace[:])), slog.String("span_id", hex.EncodeToString(c.Span[:])))
	}
	return h.next.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(a []slog.Attr) slog.Handler {
	return &handler{h.next.WithAttrs(a), h.storms}
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	return &handler{h.next.WithGroup(name), h.storms}
}

// event is what lines have in common.
type event struct {
	level   slog.Level
	message string
}

// storm counts an event's lines in the present second.
type storm struct {
	second      int64
	lines, held int
}

// storms are the events of a process; there are as many as messages in the code.
type storms struct {
	now func() time.Time

	mu     sync.Mutex
	events map[event]*storm
}

// eventsKept bounds the events, should a message be made of changing text.
const eventsKept = 4096

// pass reports whether a line is logged, and how many like it were not before.
func (s *storms) pass(e event) (pass bool, held int) {
	if e.level >= slog.LevelError {
		return true, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.events[e]
	if one == nil {
		if len(s.events) >= eventsKept {
			clear(s.events)
		}
		one = &storm{}
		s.events[e] = one
	}
	if now := s.now().Unix(); now != one.second {
		one.second, one.lines = now, 0
	}
	if one.lines++; one.lines > linesPerSecond {
		one.held++
		return false, 0
	}
	held, one.held = one.held, 0
	return true, held
}
