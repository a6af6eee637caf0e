package badger

import (
	"fmt"
	"log/slog"
	"strings"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
)

// Options are how a store is opened.
type Options struct {
	Dir    string // created if missing; one process at a time
	Logger *slog.Logger
	// Fatal is called when Badger reports a failed sync or write, which it otherwise only logs: the process must end before
	// what was not written is acknowledged. It must not return.
	Fatal func(error)
	// MemTableBytes is the size of Badger's memtable, 16 MiB by default. 15 % of it bound the small values of one Write, and
	// the number of keys.
	MemTableBytes int64
	// ValueLogBytes is the size of a value-log file, 128 MiB by default: the unit in which space comes back.
	ValueLogBytes int64
}

func (o *Options) setDefaults() {
	if o.MemTableBytes == 0 {
		o.MemTableBytes = 16 << 20
	}
	if o.ValueLogBytes == 0 {
		o.ValueLogBytes = 128 << 20
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// valueThreshold is the size from which a value lies in the value log.
const valueThreshold = 1 << 10

func (o *Options) badger() badger.Options {
	return badger.DefaultOptions(o.Dir).
		WithSyncWrites(true).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithCompression(options.None).
		WithBlockCacheSize(0).
		WithIndexCacheSize(32 << 20).
		WithValueThreshold(valueThreshold).
		WithMetricsEnabled(false).
		WithMemTableSize(o.MemTableBytes).
		WithNumMemtables(3).
		WithNumLevelZeroTables(2).
		WithNumLevelZeroTablesStall(10).
		WithBaseTableSize(8 << 20).
		WithBaseLevelSize(256 << 20).
		WithValueLogFileSize(o.ValueLogBytes).
		WithNumCompactors(2).
		WithLogger(failStop{o.Logger, o.Fatal})
}

// failStop is Badger's logger: errors that mean that something was not written end the process.
type failStop struct {
	log   *slog.Logger
	fatal func(error)
}

// fatalLines are what Badger 4.9.6 logs where something was not written (value.go, db.go) and goes on.
var fatalLines = []string{"Error while curlf sync", "writeRequests", "error flushing memtable", "While trying to flush memtable"}

// Errorf implements badger.Logger.
func (l failStop) Errorf(format string, v ...any) {
	line := strings.TrimSpace(fmt.Sprintf(format, v...))
	l.log.Error("badger", "line", line)
	for _, f := range fatalLines {
		if strings.Contains(line, f) {
			l.fatal(fmt.Errorf("badger could not write: %s", line))
		}
	}
}

// Warningf implements badger.Logger.
func (l failStop) Warningf(format string, v ...any) {
	l.log.Warn("badger", "line", strings.TrimSpace(fmt.Sprintf(format, v...)))
}

// Infof implements badger.Logger.
func (l failStop) Infof(format string, v ...any) {
	l.log.Debug("badger", "line", strings.TrimSpace(fmt.Sprintf(format, v...)))
}

// Debugf implements badger.Logger.
func (l failStop) Debugf(string, ...any) {}
