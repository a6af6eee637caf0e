package badger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"

	"github.com/troupe-mq/troupe/storage"
)

// The node record lies under its key, and once more in a file beside Badger's: whose store it was
// must be known when nothing else of it can be read. The file is a value like all others (length,
// checksum, body), and is replaced as a whole when the record says something else than how far
// disks are, which it does every second.
const identityName = "NODE"

// identity is the body of the file.
type identity struct {
	storage.Node
	Format int
}

// errNewer tells that a store was written by a build that is newer than this one.
var errNewer = errors.New("it was written by a newer build, which stores something in another way: start this node with that build or a newer one")

func writeIdentity(dir string, n storage.Node) error {
	body, err := json.Marshal(identity{n, format})
	if err != nil {
		return err
	}
	if err := replaceFile(filepath.Join(dir, identityName), seal(append(sealed(len(body)), body...))); err != nil {
		return fmt.Errorf("storage/badger: write %s: %w", identityName, err)
	}
	return nil
}

func readIdentity(dir string) (storage.Node, error) {
	value, err := os.ReadFile(filepath.Join(dir, identityName))
	if err != nil {
		return storage.Node{}, err
	}
	body, err := open(value)
	if err != nil {
		return storage.Node{}, err
	}
	var i identity
	if err := json.Unmarshal(body, &i); err != nil {
		return storage.Node{}, err
	}
	if i.Format > format {
		return storage.Node{}, errNewer
	}
	return i.Node, nil
}

// lasting is what of a record the file must say.
func lasting(n storage.Node) storage.Node {
	n.Run.Reached = 0
	peers := make(map[int32]storage.Run, len(n.Peers))
	for id, run := range n.Peers {
		run.Reached = 0
		peers[id] = run
	}
	n.Peers = peers
	if len(n.Founders) == 0 {
		n.Founders = nil
	}
	return n
}

// replaceFile makes a file's content durable, or leaves it as it was.
func replaceFile(path string, content []byte) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(next, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// Node implements storage.Store. A store that holds no record, or cannot read it, has the one of
// the file, if that is the one it was begun with (no run was counted in it) or the last one it had.
func (s *Store) Node() (storage.Node, error) {
	n, err := s.nodeRecord()
	missing := errors.Is(err, storage.ErrNotFound)
	if err == nil || !missing && !errors.Is(err, storage.ErrCorrupt) {
		return n, err
	}
	kept, bad := readIdentity(s.options.Dir)
	if bad != nil || missing && kept.Run.Number > 0 {
		return n, err
	}
	return kept, nil
}

// keep writes the file if it does not say of a record what lasts. The caller owns the writing.
func (s *Store) keep(n storage.Node) error {
	if now := lasting(n); !reflect.DeepEqual(now, s.kept) {
		if err := writeIdentity(s.options.Dir, n); err != nil {
			return err
		}
		s.kept = now
	}
	return nil
}

// keepIdentity writes the file anew, when the store is opened, if it does not say what the record
// says.
func (s *Store) keepIdentity() error {
	n, err := s.nodeRecord()
	kept, bad := readIdentity(s.options.Dir)
	switch {
	case errors.Is(err, storage.ErrCorrupt) && bad == nil:
		s.mended = append(s.mended, fmt.Sprintf("the record of the node was damaged, and is taken from %s: %v", identityName, err))
		return nil // the node writes it anew
	case err != nil:
		return nil // there is none yet
	case errors.Is(bad, storage.ErrCorrupt):
		s.mended = append(s.mended, fmt.Sprintf("%s was damaged, and is written anew from what the store holds: %v", identityName, bad))
	case bad == nil:
		s.kept = lasting(kept)
	}
	return s.keep(n)
}
