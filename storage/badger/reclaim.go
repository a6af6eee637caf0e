package badger

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// How space comes back: keys are deleted with the Writes. Badger learns what that made dead in the value log only when the deletions
// reach its tables and are compacted, so once enough was deleted the memtable is filled with padding until Badger flushes it. A
// goroutine then waits for the compaction and has the dead value-log files rewritten. Only the padding costs the writer anything: one
// memtable for every one or two value-log files deleted, as a quarter of what is live is.
const (
	padBytes     = 900
	padWriteKeys = 288 // on one Write
	padTidyKeys  = 512 // on one Tidy
	gcRatio      = 0.5 // of a file must be dead
	settleWait   = 10 * time.Second
)

// reclaim knows how much is dead and where giving it back stands. All but what the goroutine shares is the writer's.
type reclaim struct {
	entries, bytes uint64 // written, to know what an entry weighs
	dead           uint64 // bytes deleted since the last reclaim, estimated
	gone           uint64 // bytes ever deleted, estimated like that
	padding        bool   // the memtable is being filled
	flushing       string // the memtable's file when padding began

	given atomic.Uint64 // bytes of the value log that were given back

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

func (c *reclaim) deleted(keys int) {
	if c.entries > 0 {
		n := uint64(keys) * (c.bytes / c.entries)
		c.dead, c.gone = c.dead+n, c.gone+n
	}
}

// enough is how much must be dead for a reclaim in passing: the less is live, the more the dead weighs.
func (c *reclaim) enough(file int64) uint64 {
	live := c.bytes - min(c.gone, c.bytes)
	return min(max(live/4, uint64(file)), 2*uint64(file))
}

// housekeep adds deletions and padding to the transaction of a Write that changes so many replicas.
func (s *Store) housekeep(txn *badger.Txn, after map[storage.ReplicaID]record, writes int) error {
	return s.sweep(txn, after, min(200+4*writes, collectKeys), padWriteKeys)
}

func (s *Store) sweep(txn *badger.Txn, after map[storage.ReplicaID]record, deletions, pads int) error {
	n, err := s.collect(txn, after, deletions)
	if err != nil {
		return err
	}
	s.reclaim.deleted(n)
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
	if len(s.garbage.list) == 0 && c.dead >= uint64(s.options.ValueLogBytes)/2 {
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
	case !c.padding && c.dead >= c.enough(s.options.ValueLogBytes):
		s.startPadding()
	}
}

func (s *Store) startPadding() {
	c := &s.reclaim
	c.mu.Lock()
	busy := c.running
	c.mu.Unlock()
	if !c.padding && !busy {
		c.padding, c.flushing = true, newest(s.options.Dir, "*.mem")
	}
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

// giveBack waits until Badger flushed a memtable and compacted its table, and then gives back what is dead.
func (s *Store) giveBack(flushing string) {
	settled := func() bool {
		_, err := os.Stat(flushing)
		return errors.Is(err, os.ErrNotExist) && s.db.Levels()[0].NumTables == 0
	}
	for begin := time.Now(); !settled() && time.Since(begin) < settleWait; {
		if s.reclaim.quits(20 * time.Millisecond) {
			return
		}
	}
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

// gave counts what was dead in files that are gone; what was live in them is elsewhere now.
func (c *reclaim) gave(dead map[uint32]uint64, left map[uint32]int64) {
	for file, n := range dead {
		if _, ok := left[file]; !ok {
			c.given.Add(n)
		}
	}
}

// quits waits, and tells whether the store is being closed.
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
