package badger

import (
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// How space comes back: keys are deleted with the Writes. Badger learns what that made dead in the
// value log only when the deletions reach its tables and are compacted, so once enough was deleted
// the memtable is filled with padding until Badger flushes it. A goroutine then waits for the
// compaction and has the dead value-log files rewritten. Only the padding costs the writer
// anything: one memtable for every one or two value-log files deleted, as a quarter of what is live
// is.
const (
	padBytes     = 900
	padWriteKeys = 288 // on one Write
	padTidyKeys  = 512 // on one Tidy
	gcRatio      = 0.5 // of a file must be dead
	settleWait   = 2 * time.Minute
	settleLook   = 50 * time.Millisecond
)

// reclaim knows how much is dead and where giving it back stands. All but what the goroutine shares
// is the writer's.
type reclaim struct {
	entries, bytes uint64 // written, to know what an entry weighs
	dead           uint64 // bytes deleted since the last reclaim
	padding        bool   // the memtable is being filled
	flushing       string // the memtable's file when padding began

	given atomic.Uint64 // bytes of the value log that were given back
	// the last collection came before Badger knew what is dead: it is to be tried again
	early atomic.Bool

	mu      sync.Mutex
	running bool
	closing bool
	quit    chan struct{}
	ended   sync.WaitGroup
}

func (c *reclaim) weigh(n int) {
	c.entries++
	c.bytes += uint64(n)
}

// average is what an entry weighs on the average.
func (c *reclaim) average() int64 { return int64(c.bytes / max(c.entries, 1)) }

// enough is how much must be dead for a reclaim in passing: the less is live, the more the dead
// weighs.
func enough(live, file int64) uint64 { return uint64(min(max(live/4, file), 2*file)) }

// housekeep adds deletions and padding to the transaction of a Write that changes so many replicas.
func (s *Store) housekeep(txn *badger.Txn, after map[storage.ReplicaID]record, writes int) error {
	return s.sweep(txn, after, min(200+4*writes, collectKeys), padWriteKeys)
}

func (s *Store) sweep(txn *badger.Txn, after map[storage.ReplicaID]record, deletions, pads int) error {
	bytes, err := s.collect(txn, after, deletions)
	if err != nil {
		return err
	}
	s.reclaim.dead += uint64(bytes)
	if s.reclaim.padding {
		return pad(txn, pads)
	}
	return nil
}

func pad(txn *badger.Txn, n int) error {
	for i := range n {
		key := binary.BigEndian.AppendUint16([]byte{'P'}, uint16(i))
		if err := txn.Set(key, make([]byte, padBytes)); err != nil {
			return err
		}
	}
	return nil
}

// Tidy implements storage.Tidier.
func (s *Store) Tidy() (more bool, err error) {
	if err := s.enter(); err != nil {
		return false, err
	}
	defer s.leave()
	s.writer.Lock()
	defer s.writer.Unlock()
	c := &s.reclaim
	if len(s.garbage.list) == 0 && (c.dead >= uint64(s.options.ValueLogBytes)/2 || c.early.Load()) {
		s.startPadding()
	}
	if len(s.garbage.list) == 0 && !c.padding {
		return false, s.floor.sync()
	}
	err = s.commit(func(txn *badger.Txn) error { return s.sweep(txn, nil, collectKeys, padTidyKeys) }, func() {})
	if err != nil {
		return false, err
	}
	c.consider(s)
	return true, nil
}

// consider moves reclaiming on after a transaction.
func (c *reclaim) consider(s *Store) {
	switch {
	case c.padding && newest(s.options.Dir, "*.mem") != c.flushing:
		c.padding, c.dead = false, 0
		c.start(s, c.flushing)
	case !c.padding && (c.dead >= enough(s.ledger.total, s.options.ValueLogBytes) || c.early.Load()):
		s.startPadding()
	}
}

func (s *Store) startPadding() {
	c := &s.reclaim
	if !c.padding && !c.collects() {
		c.padding, c.flushing = true, newest(s.options.Dir, "*.mem")
	}
}

// collects reports whether a collection runs. None begins but by the writer.
func (c *reclaim) collects() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// start runs a collection beside the writer, unless one runs.
func (c *reclaim) start(s *Store, flushing string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.running || c.closing {
		return
	}
	if c.quit == nil {
		c.quit = make(chan struct{})
	}
	c.running = true
	c.ended.Go(func() {
		s.giveBack(flushing)
		c.mu.Lock()
		c.running = false
		c.mu.Unlock()
	})
}

// giveBack waits until Badger flushed a memtable and compacted its table, and then gives back what
// is dead.
func (s *Store) giveBack(flushing string) {
	s.reclaim.early.Store(!s.settles(flushing))
	files := 0
	for !s.reclaim.quits(0) {
		dead := discards(s.options.Dir)
		err := s.db.RunValueLogGC(gcRatio)
		if err != nil {
			if !errors.Is(err, badger.ErrNoRewrite) {
				s.log.Warningf("give space back: %v", err)
			}
			break
		}
		s.reclaim.gave(dead, valueLogs(s.options.Dir))
		files++
	}
	s.log.Infof("%d files of the value log given back", files)
}

// settles waits until a memtable was flushed and its table compacted, so that Badger knows of all
// deletions in it what they made dead; false if that takes too long.
func (s *Store) settles(flushing string) bool {
	var w settling
	for begin := time.Now(); time.Since(begin) < settleWait; {
		_, err := os.Stat(flushing)
		if w.look(errors.Is(err, os.ErrNotExist), s.db.Tables()) {
			return true
		}
		if s.reclaim.quits(settleLook) {
			return false
		}
	}
	s.log.Warningf("what was deleted is not compacted after %s: space comes back late", settleWait)
	return false
}

// settling follows the deletions of a memtable from its flush into the tables where they meet what
// they delete. Under load newer tables lie beside them all the time: those do not matter.
type settling struct {
	flushed bool
	fresh   []uint64 // the tables of level 0 when it was flushed
}

// look takes in that the memtable's file is gone, and the tables there are, and reports whether all
// deletions of the memtable have arrived.
func (w *settling) look(gone bool, tables []badger.TableInfo) bool {
	if !gone {
		return false
	}
	fresh := []uint64{}
	for _, t := range tables {
		if t.Level == 0 && (!w.flushed || slices.Contains(w.fresh, t.ID)) {
			fresh = append(fresh, t.ID)
		}
	}
	w.flushed, w.fresh = true, fresh
	return len(fresh) == 0
}

// gave counts what was dead in files that are gone; what was live in them is elsewhere now.
func (c *reclaim) gave(dead map[uint32]uint64, left map[uint32]int64) {
	for file, n := range dead {
		if _, ok := left[file]; !ok {
			c.given.Add(n)
		}
	}
}

// quits waits, and reports whether the store is being closed.
func (c *reclaim) quits(wait time.Duration) bool {
	select {
	case <-c.quit:
		return true
	default:
	}
	if wait == 0 {
		return false
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-c.quit:
		return true
	case <-t.C:
		return false
	}
}

// stop ends the goroutine for good.
func (c *reclaim) stop() {
	c.mu.Lock()
	if !c.closing {
		c.closing = true
		if c.quit != nil {
			close(c.quit)
		}
	}
	c.mu.Unlock()
	c.ended.Wait()
}
