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
