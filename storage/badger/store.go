package badger

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"github.com/troupe-mq/troupe/storage"
)

// Store is storage.Store on Badger.
type Store struct {
	options Options
	log     *failStop
	db      *badger.DB

	gate   sync.RWMutex // held for reading by whoever uses db, for writing by Close
	closed bool         // guarded by gate

	mu sync.RWMutex
	// of the last durable transaction; readers see this one, never a transaction that is not synced
	version uint64
	records map[storage.ReplicaID]record
	ledger  ledger // its weights are the writer's
	suspect map[storage.ReplicaID]error

	// The rest is owned by the writer: whoever holds the lock.
	writer  sync.Mutex
	garbage garbage
	reclaim reclaim
	advisor *advisor
	prefill prefiller
	floor   *floor
	atOpen  uint64       // what the floor said then
	kept    storage.Node // what lasts of the node's record, as the file beside Badger's says it
	scratch scratch      // of the values of the Write under way

	low       atomic.Bool  // in descriptors, when Room was asked last
	mended    []string     // at open
	done      func() error // at Close; nil but for a store that is only looked at
	ballasted bool         // the ballast is there; owned by whoever calls RestoreBallast
}

var (
	_ storage.Store        = (*Store)(nil)
	_ storage.Tidier       = (*Store)(nil)
	_ storage.Floored      = (*Store)(nil)
	_ storage.TableChecker = (*Store)(nil)
	_ storage.Ballaster    = (*Store)(nil)
	_ storage.Keeper       = (*Store)(nil)
)

// Open opens the store in a directory, creating it if it is missing, and checks every replica's
// log. Close it when done. The error is a *storage.Unreadable if it is damaged so that nothing can
// be said of it.
func Open(o Options) (*Store, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	s, err := o.open()
	if errors.Is(err, storage.ErrCorrupt) {
		held, bad := readIdentity(o.Dir)
		return nil, fmt.Errorf("storage/badger: open: %w", &storage.Unreadable{Dir: o.Dir, Known: bad == nil, Held: held, Cause: err})
	}
	if err != nil {
		return nil, fmt.Errorf("storage/badger: open %s: %w", o.Dir, err)
	}
	return s, nil
}

func (o *Options) open() (*Store, error) {
	if err := finishAside(o.Dir); err != nil {
		return nil, err
	}
	if _, err := readIdentity(o.Dir); errors.Is(err, errNewer) {
		return nil, err
	}
	if err := errors.Join(os.MkdirAll(o.Dir, 0o750), o.dropBallast()); err != nil {
		return nil, err
	}
	o.warnDescriptors()
	f, said, err := o.begin()
	if err != nil {
		return nil, err
	}
	s, err := o.load(f, said)
	if err != nil {
		return nil, errors.Join(err, f.close())
	}
	return s, nil
}

// begin makes sure that the directory shows what the disk has, and notes that it is open. A
// directory in use is left alone.
func (o *Options) begin() (*floor, reading, error) {
	unlock, err := lock(o.Dir)
	if err != nil {
		return nil, reading{}, err
	}
	defer unlock()
	f, said, err := openFloor(o.Dir)
	if err != nil {
		return nil, said, err
	}
	if !said.closed {
		if err := errors.Join(f.file.Close(), forgetUnsynced(o.Dir)); err != nil {
			return nil, said, err
		}
		if f, said, err = openFloor(o.Dir); err != nil {
			return nil, said, err
		}
	}
	if err := f.begin(); err != nil {
		return nil, said, errors.Join(err, f.file.Close())
	}
	return f, said, nil
}

// load opens Badger and checks all that is in it. Without a floor the store can only be looked at.
func (o *Options) load(f *floor, said reading) (*Store, error) {
	log := &failStop{log: o.Logger, fatal: o.Fatal}
	mended, err := o.examine(log)
	if err != nil {
		return nil, err
	}
	db, err := badger.OpenManaged(o.badger(log))
	if err != nil {
		return nil, err
	}
	s := &Store{options: *o, log: log, db: db, version: db.MaxVersion(), mended: mended, floor: f}
	s.advisor = newAdvisor(*o)
	s.prefill.advisor = s.advisor
	if err := errors.Join(s.load(), s.checkFloor(said), s.keepIdentity()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for _, m := range s.mended {
		o.Logger.Warn("damage in the store was mended", "dir", o.Dir, "what", m)
	}
	db.SetDiscardTs(s.version)
	return s, nil
}

// Mended tells what of the store was damaged when it was opened, held nothing, and was mended.
func (s *Store) Mended() []string { return s.mended }

// enter keeps the store open until leave.
func (s *Store) enter() error {
	s.gate.RLock()
	if s.closed {
		s.gate.RUnlock()
		return storage.ErrClosed
	}
	return nil
}

func (s *Store) leave() { s.gate.RUnlock() }

// view runs f in a read transaction that sees what the given transaction left. The caller has
// entered.
func (s *Store) view(version uint64, f func(*badger.Txn) error) error {
	txn := s.db.NewTransactionAt(version, false)
	defer txn.Discard()
	return f(txn)
}

// newestKey is set by every transaction. Of one that only deletes, or does nothing, Badger keeps
// nothing once it has compacted: the store would open with an older number than its floor, as if it
// had lost history.
var newestKey = []byte{'V'}

// commit runs f in a write transaction and makes it durable; publish then makes it known together
// with its number. The caller has entered.
func (s *Store) commit(f func(*badger.Txn) error, publish func()) error {
	if err := s.log.err(); err != nil {
		return err
	}
	if s.floor == nil {
		return errors.New("storage/badger: the store is only looked at: see Inspect")
	}
	next := s.version + 1 // only the writer changes it
	txn := s.db.NewTransactionAt(s.version, true)
	defer txn.Discard()
	if err := errors.Join(f(txn), txn.Set(newestKey, []byte{1})); err != nil {
		return err
	}
	if err := txn.CommitAt(next, nil); err != nil {
		return fmt.Errorf("storage/badger: commit: %w", err)
	}
	if err := s.log.err(); err != nil {
		return err // Badger says it is written, but it is not
	}
	if err := s.floor.raise(next); err != nil {
		return err
	}
	s.mu.Lock()
	s.version = next
	publish()
	s.mu.Unlock()
	s.db.SetDiscardTs(next)
	s.advisor.look()
	s.prefill.leave()
	return nil
}

// get returns a copy of a value, or storage.ErrNotFound. Badger answers nothing for a value it
// could not read, so an empty one is read once more (the value log may have been rewritten in
// between) and is then corrupt.
func get(txn *badger.Txn, key []byte) ([]byte, error) {
	for try := 0; ; try++ {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return nil, storage.ErrNotFound
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %v", storage.ErrCorrupt, err)
		}
		value, err := item.ValueCopy(nil)
		if err == nil && len(value) > 0 {
			return value, nil
		}
		if try > 0 {
			return nil, fmt.Errorf("%w: the value of a key is gone (%v)", storage.ErrCorrupt, err)
		}
	}
}

// corrupt says of something that ought to be there why it could not be read.
func corrupt(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: its key is gone", storage.ErrCorrupt)
	}
	return err
}

// nodeRecord reads the record of the node.
func (s *Store) nodeRecord() (n storage.Node, err error) {
	if err := s.enter(); err != nil {
		return n, err
	}
	defer s.leave()
	s.mu.RLock()
	version := s.version
	s.mu.RUnlock()
	err = s.view(version, func(txn *badger.Txn) error {
		value, err := get(txn, nodeKey)
		if err != nil {
			return err
		}
		body, err := open(value)
		if err != nil {
			return err
		}
		return json.Unmarshal(body, &n)
	})
	return n, err
}

// WriteNode implements storage.Store.
func (s *Store) WriteNode(n storage.Node) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.leave()
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	s.writer.Lock()
	defer s.writer.Unlock()
	err = s.commit(func(txn *badger.Txn) error {
		return errors.Join(writeFormat(txn), txn.Set(nodeKey, seal(append(sealed(len(body)), body...))))
	}, func() {})
	if err != nil {
		return err
	}
	return s.keep(n)
}

// Replicas implements storage.Store.
func (s *Store) Replicas() ([]storage.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []storage.State
	for _, h := range s.records {
		if h.Known && !h.Suspect {
			all = append(all, h.State)
		}
	}
	slices.SortFunc(all, func(a, b storage.State) int { return cmp.Compare(a.Replica, b.Replica) })
	return all, nil
}

// Removed implements storage.Store.
func (s *Store) Removed(r storage.ReplicaID) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.records[r].Removed
}

// Suspect implements storage.Store.
func (s *Store) Suspect() map[storage.ReplicaID]error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return maps.Clone(s.suspect)
}

// Reached implements storage.Store.
func (s *Store) Reached() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.version
}

// Floor implements storage.Floored.
func (s *Store) Floor() uint64 { return s.atOpen }

// Close implements storage.Store. It waits for readers and for space being given back.
func (s *Store) Close() error {
	s.reclaim.stop()
	s.gate.Lock()
	defer s.gate.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.prefill.close()
	if err := s.closeFiles(); err != nil {
		return fmt.Errorf("storage/badger: close: %w", err)
	}
	return nil
}

// closeFiles closes Badger, and notes that all is synced if it is.
func (s *Store) closeFiles() error {
	err := s.db.Close()
	if s.done != nil {
		return errors.Join(err, s.done())
	}
	if err == nil && s.log.err() == nil {
		err = s.floor.seal(s.version)
	}
	return errors.Join(err, s.floor.close())
}
