package badger

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"

	"github.com/troupe-mq/troupe/storage"
)

// Options are how a store is opened. Zero fields but Dir and Fatal take the default, which suits a
// laptop or a node of 256 MiB; see Sized for servers.
type Options struct {
	Dir    string       // created if missing; one process at a time
	Logger *slog.Logger // discards by default
	// Fatal is called when Badger reports a failed sync or write, which it otherwise only logs: the
	// process must end before what was not written is acknowledged. It must not return; if it does,
	// the Write under way fails and so do all later ones.
	Fatal func(error)
	// MemTableBytes is the size of Badger's memtable, 8 MiB by default and at least. Small ones give
	// space back sooner: only what was flushed and compacted counts as dead in the value log.
	MemTableBytes int64
	// ValueLogBytes is the size of a value-log file, 128 MiB by default, 64 MiB to 1 GiB: the unit in
	// which space comes back.
	ValueLogBytes int64
	// BallastBytes is the size of a file that only takes space, to be given up when the store could
	// not be opened for lack of it; 0 is none. See RestoreBallast.
	BallastBytes int64
	// Advise is whether the kernel is told to treat the files being written as accessed at random, so
	// that it writes back pages and not large folios (Linux only). The default is the better one as
	// measured.
	Advise Advise

	looks bool // Dir shows what another directory holds, and is only looked at: see Inspect
}

// Advise is a choice about memory advice.
type Advise int

// The choices.
const (
	AdviseDefault Advise = iota // AdviseOn
	AdviseOn
	AdviseOff
)

const (
	minMemTableBytes = 8 << 20
	minValueLogBytes = 2 * storage.MaxEntryBytes
	maxValueLogBytes = 1 << 30
)

// Sized returns the options with sizes for a node that may use so many bytes of memory in all; what
// was set stays.
func (o Options) Sized(memory int64) Options {
	if memory >= 2<<30 {
		set(&o.MemTableBytes, 16<<20)
		set(&o.ValueLogBytes, 256<<20)
	}
	return o
}

func set(field *int64, value int64) {
	if *field == 0 {
		*field = value
	}
}

func (o *Options) setDefaults() {
	set(&o.MemTableBytes, minMemTableBytes)
	set(&o.ValueLogBytes, 128<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}

// validate tells everything that is wrong.
func (o *Options) validate() error {
	var errs []error
	wrong := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf("storage/badger: "+format, args...))
		}
	}
	wrong(o.Dir == "", "Options.Dir is empty: name a directory")
	wrong(o.Fatal == nil, "Options.Fatal is missing: say how the process ends when Badger cannot write")
	wrong(o.MemTableBytes < minMemTableBytes, "Options.MemTableBytes is %d: at least %d are needed for the largest Write", o.MemTableBytes, minMemTableBytes)
	wrong(o.ValueLogBytes < minValueLogBytes || o.ValueLogBytes > maxValueLogBytes,
		"Options.ValueLogBytes is %d: choose from %d to %d", o.ValueLogBytes, minValueLogBytes, maxValueLogBytes)
	return errors.Join(errs...)
}

// valueThreshold is the size from which a value lies in the value log.
const valueThreshold = 1 << 10

// What Badger admits to one transaction: 15 % of the memtable in bytes, and that divided by 96 in
// keys. The largest Write, with the deletions and the padding that ride on it, must stay below; a
// constant expression that is negative does not compile.
const (
	badgerBytes = 15 * minMemTableBytes / 100
	badgerKeys  = badgerBytes / 96
	deleteBytes = 48 // of one deletion

	_ = uint(badgerKeys - storage.MaxKeys - collectKeys - truncateKeys - padWriteKeys - 100)
	_ = uint(badgerBytes - storage.MaxBytes - (collectKeys+truncateKeys)*deleteBytes - padWriteKeys*padBytes - 10_000)
	_ = uint(badgerBytes - collectKeys*deleteBytes - padTidyKeys*padBytes - 10_000)
)

func (o *Options) badger(log *failStop) badger.Options {
	return badger.DefaultOptions(o.Dir).
		WithSyncWrites(true).
		WithReadOnly(o.looks).
		WithDetectConflicts(false).
		WithNumVersionsToKeep(1).
		WithCompression(options.None).
		WithChecksumVerificationMode(options.OnBlockRead).
		WithBlockCacheSize(0). // records are cached as they are sent, see actors/replica
		WithIndexCacheSize(0). // serves encrypted tables only; indexes lie in mapped files
		WithValueThreshold(valueThreshold).
		WithMetricsEnabled(false).
		WithMemTableSize(o.MemTableBytes).
		WithNumMemtables(3).
		// every flushed table is compacted, or deletions would wait for the next
		WithNumLevelZeroTables(1).
		WithNumLevelZeroTablesStall(10).
		WithBaseTableSize(max(4<<20, o.MemTableBytes/2)).
		WithBaseLevelSize(256 << 20).
		WithValueLogFileSize(o.ValueLogBytes).
		WithNumCompactors(2).
		WithLogger(log)
}
