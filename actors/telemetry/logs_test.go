package telemetry

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors/spans"
)

func TestStormsAreHeldBack(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(100, 0)
	h := Handler(slog.NewTextHandler(&out, nil)).(*handler)
	h.storms.now = func() time.Time { return now }
	log := slog.New(h).With("node", 1)
	for range 100 {
		log.Warn("a storm")
		log.Error("each counts")
	}
	log.Info("a storm") // of another level: another event
	now = now.Add(time.Second)
	log.Warn("a storm")
	log.Warn("a storm")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if n := strings.Count(out.String(), `level=WARN msg="a storm"`); n != linesPerSecond+2 {
		t.Errorf("%d lines of the storm, want %d in the first second and two in the next", n, linesPerSecond)
	}
	if n := strings.Count(out.String(), "each counts"); n != 100 {
		t.Errorf("%d errors, want 100", n)
	}
	if !strings.Contains(lines[len(lines)-2], "lines_left_out=80") || strings.Contains(lines[len(lines)-1], "left_out") {
		t.Errorf("the last lines are %q", lines[len(lines)-2:])
	}
	if !strings.Contains(out.String(), `level=INFO msg="a storm"`) {
		t.Error("another event was held back")
	}
}

func TestLinesSayWhichTraceTheyBelongTo(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(Handler(slog.NewTextHandler(&out, nil)))
	ctx := spans.ContextWith(context.Background(), spans.Context{Trace: spans.TraceID{1}, Span: spans.SpanID{2}})
	log.InfoContext(ctx, "within")
	log.Info("without")
	lines := strings.Split(out.String(), "\n")
	if !strings.Contains(lines[0], "trace_id=01000000000000000000000000000000 span_id=0200000000000000") || strings.Contains(lines[1], "trace_id") {
		t.Errorf("%q", lines)
	}
}
