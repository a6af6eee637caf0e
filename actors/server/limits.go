package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
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

// unfinished is the end of a connection in the middle of a request: its client died, was cut off,
// stalled, or claims more than it sends.
type unfinished struct{ error }

func (u unfinished) Error() string {
	return fmt.Sprintf("a request was begun and did not arrive whole: %s", u.error)
}

func (u unfinished) Unwrap() error { return u.error }

// ended tells an error of the connection from one over what came on it.
func ended(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, os.ErrDeadlineExceeded) || isReset(err)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// limitedLog logs what clients can cause at most some times in a while, and then how often it
// happened.
type limitedLog struct {
	log  *slog.Logger
	each time.Duration
	most int // lines in each

	mu      sync.Mutex
	period  int64
	lines   int
	skipped int
}

// How many lines there are at most of a kind: what speaks another protocol is a health check or a
// scan that comes again and again.
const (
	linesPerSecond     = 10
	strangersPerMinute = 3
)

func newLimitedLog(log *slog.Logger, each time.Duration, most int) *limitedLog {
	return &limitedLog{log: log, each: each, most: most}
}

func (l *limitedLog) warn(message string, args ...any) { l.say(slog.LevelWarn, message, args...) }

func (l *limitedLog) info(message string, args ...any) { l.say(slog.LevelInfo, message, args...) }

func (l *limitedLog) say(level slog.Level, message string, args ...any) {
	l.mu.Lock()
	now := time.Now().UnixNano() / int64(l.each)
	if now != l.period {
		l.period, l.lines = now, 0
	}
	l.lines++
	if l.lines > l.most {
		l.skipped++
		l.mu.Unlock()
		return
	}
	skipped := l.skipped
	l.skipped = 0
	l.mu.Unlock()
	if skipped > 0 {
		args = append(args, "lines_left_out", skipped)
	}
	l.log.Log(context.Background(), level, message, args...)
}
