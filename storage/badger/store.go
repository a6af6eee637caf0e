package badger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/dgraph-io/badger/v4"
	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/storage"
)

// Store is storage.Store on Badger.
type Store struct {
	options Options
	db      *badger.DB
	version uint64 // of the last transaction; owned by the writer

	mu      sync.RWMutex
	states  map[storage.ReplicaID]storage.State
	suspect map[storage.ReplicaID]error
	removed map[storage.ReplicaID]struct{}

	garbage garbage // owned by the writer
}

var _ storage.Store = (*Store)(nil)

// Open opens the store in a directory, creating it if it is missing, and checks every replica's log. Close it when done.
func Open(o Options) (*Store, error) {
	o.setDefaults()
	if o.Fatal == nil {
		return nil, errors.New("storage/badger: Options.Fatal is needed")
	}
	db, err := badger.OpenManaged(o.badger())
	if err != nil {
		return nil, fmt.Errorf("storage/badger: open %s: %w", o.Dir, err)
	}
	s := &Store{options: o, db: db, version: db.MaxVersion()}
	if err := s.load(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// view runs f in a read transaction that sees everything written.
func (s *Store) view(f func(*badger.Txn) error) error {
	txn := s.db.NewTransactionAt(^uint64(0), false)
	defer txn.Discard()
	return f(txn)
}

// update runs f in a write transaction and makes it durable.
func (s *Store) update(f func(*badger.Txn) error) error {
	txn := s.db.NewTransactionAt(^uint64(0), true)
	defer txn.Discard()
	if err := f(txn); err != nil {
		return err
	}
	s.version++
	if err := txn.CommitAt(s.version, nil); err != nil {
		return fmt.Errorf("storage/badger: commit: %w", err)
	}
	s.db.SetDiscardTs(s.version)
	return nil
}

// get returns a copy of a value, or storage.ErrNotFound. Badger answers nothing for a value it could not read, so an empty one is read
// once more (the value log may have been rewritten in between) and is then corrupt.
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

// Node implements storage.Store.
func (s *Store) Node() (n storage.Node, err error) {
	err = s.view(func(txn *badger.Txn) error {
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
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return s.update(func(txn *badger.Txn) error {
		return txn.Set(nodeKey, seal(append(sealed(len(body)), body...)))
	})
}

// Replicas implements storage.Store.
func (s *Store) Replicas() ([]storage.State, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []storage.State
	for r, state := range s.states {
		if _, bad := s.suspect[r]; !bad {
			all = append(all, state)
		}
	}
	slices.SortFunc(all, func(a, b storage.State) int {
		if a.Replica < b.Replica {
			return -1
		}
		return 1
	})
	return all, nil
}

// Suspect implements storage.Store.
func (s *Store) Suspect() map[storage.ReplicaID]error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make(map[storage.ReplicaID]error, len(s.suspect))
	for r, err := range s.suspect {
		all[r] = err
	}
	return all
}

// Checkpoint implements storage.Store.
func (s *Store) Checkpoint(r storage.ReplicaID) (c *storage.Checkpoint, err error) {
	err = s.view(func(txn *badger.Txn) error {
		c, err = checkpoint(txn, r)
		return err
	})
	return c, err
}

func checkpoint(txn *badger.Txn, r storage.ReplicaID) (*storage.Checkpoint, error) {
	value, err := get(txn, replicaKey('C', r))
	if err != nil {
		return nil, err
	}
	return decodeCheckpoint(value)
}

// Usage implements storage.Store.
func (s *Store) Usage() (u storage.Usage) {
	files, _ := os.ReadDir(s.options.Dir)
	for _, f := range files {
		var stat unix.Stat_t
		if unix.Stat(filepath.Join(s.options.Dir, f.Name()), &stat) == nil {
			u.Disk += stat.Blocks * 512
		}
	}
	var fs unix.Statfs_t
	if unix.Statfs(s.options.Dir, &fs) == nil {
		u.Free = int64(fs.Bavail) * int64(fs.Bsize)
	}
	return u
}

// Close implements storage.Store.
func (s *Store) Close() error { return s.db.Close() }
