package troupetest

import (
	"strings"
	"sync"
)

// tailLines is how many lines of a broker's log are kept.
const tailLines = 100

// tail keeps the last lines written to it, a line a write, as slog does it.
type tail struct {
	mu    sync.Mutex
	lines []string
}

// Write implements io.Writer.
func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.lines) == tailLines {
		l.lines = append(l.lines[:0], l.lines[1:]...)
	}
	l.lines = append(l.lines, string(b))
	return len(b), nil
}

// String is what is kept.
func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "")
}
