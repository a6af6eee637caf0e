package server

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/troupe-mq/troupe/protocol"
)

// budget bounds the bytes of requests under way on a node. Whoever finds it spent waits, and with it its client.
type budget struct {
	mu    sync.Mutex
	left  int64
	limit int64
	freed chan struct{} // closed when something was given back, for those who wait
}

func newBudget(limit int64) *budget { return &budget{left: limit, limit: limit} }

// take takes n bytes, waiting for them; false if closed ends the waiting. Something larger than the whole budget gets through alone.
func (b *budget) take(n int64, closed <-chan struct{}) bool {
	for {
		b.mu.Lock()
		if b.left >= n || b.left == b.limit {
			b.left -= n
			b.mu.Unlock()
			return true
		}
		if b.freed == nil {
			b.freed = make(chan struct{})
		}
		freed := b.freed
		b.mu.Unlock()
		select {
		case <-freed:
		case <-closed:
			return false
		}
	}
}

func (b *budget) give(n int64) {
	if n == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += n
	if b.freed != nil {
		close(b.freed)
		b.freed = nil
	}
}

// unspoken is a request in a version that this build does not speak.
type unspoken struct{ h protocol.Header }

func (u *unspoken) Error() string {
	return fmt.Sprintf("%s (key %d) in version %d is not spoken", u.h.Key.Name(), u.h.Key, u.h.Version)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// limitedLog logs what clients can cause at most some times a second, and then how often it happened.
type limitedLog struct {
	log *slog.Logger

	mu      sync.Mutex
	second  int64
	lines   int
	skipped int
}

const linesPerSecond = 10

func newLimitedLog(log *slog.Logger) *limitedLog { return &limitedLog{log: log} }

func (l *limitedLog) warn(message string, args ...any) {
	l.mu.Lock()
	now := time.Now().Unix()
	if now != l.second {
		l.second, l.lines = now, 0
	}
	l.lines++
	if l.lines > linesPerSecond {
		l.skipped++
		l.mu.Unlock()
		return
	}
	skipped := l.skipped
	l.skipped = 0
	l.mu.Unlock()
	if skipped > 0 {
		args = append(args, "lines left out before", skipped)
	}
	l.log.Warn(message, args...)
}
