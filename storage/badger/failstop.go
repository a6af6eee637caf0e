package badger

import (
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"
)

// failStop is Badger's logger. Badger 4.9.6 logs a failed sync of the value log and goes on to
// acknowledge the write; the line is logged before the acknowledgement, so it is here that the
// process ends.
type failStop struct {
	log    *slog.Logger
	fatal  func(error)
	failed atomic.Pointer[error] // the first of the failures
}

// fatalLines are what Badger 4.9.6 logs where something was not written (value.go, db.go), the
// beginning of each.
var fatalLines = []string{"Error while curlf sync", "writeRequests:", "error flushing memtable to disk", "While trying to flush memtable"}

// Errorf implements badger.Logger.
func (l *failStop) Errorf(format string, v ...any) {
	line := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.log.Error("badger", "line", line)
	for _, f := range fatalLines {
		if strings.HasPrefix(line, f) {
			l.fail(line)
			return
		}
	}
}

// fail ends the process over what was not written.
func (l *failStop) fail(line string) {
	err := fmt.Errorf("storage/badger: Badger could not write: %s", line)
	l.failed.CompareAndSwap(nil, &err)
	l.fatal(err)
}

// err returns the first failure to write.
func (l *failStop) err() error {
	if err := l.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Warningf implements badger.Logger. A compaction that fails is tried again, but not if it was the
// list of the tables that could not be written: what was appended to it may be half there.
func (l *failStop) Warningf(format string, v ...any) {
	line := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.log.Warn("badger", "line", line)
	if strings.Contains(line, "LOG Compact FAILED") && strings.Contains(line, badger.ManifestFilename+": ") {
		l.fail(line)
	}
}

// Infof implements badger.Logger. What Badger finds worth telling is for those who look for
// something.
func (l *failStop) Infof(format string, v ...any) {
	l.log.Debug("badger", "line", strings.TrimSpace(fmt.Sprintf(format, v...)))
}

// Debugf implements badger.Logger.
func (l *failStop) Debugf(string, ...any) {}
