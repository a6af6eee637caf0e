package badger

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// The ballast is a file that only takes space. Badger dies at the end of the disk, and on a disk
// without space it dies again when it is opened; a file to be deleted first gives it the room to
// start, and to give back what is dead.
const ballastName = "BALLAST"

func (o *Options) ballast() string { return filepath.Join(o.Dir, ballastName) }

// dropBallast deletes the ballast if there is less space than it takes, or if none is wanted.
func (o *Options) dropBallast() error {
	free := roomOf(o.Dir).Free
	if o.BallastBytes > 0 && free >= o.BallastBytes {
		return nil
	}
	err := os.Remove(o.ballast())
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("storage/badger: give the ballast up: %w", err)
	}
	o.Logger.Warn("the ballast file was given up so that the store can be opened", "free_before", free, "free", roomOf(o.Dir).Free)
	return nil
}

// RestoreBallast implements storage.Ballaster.
func (s *Store) RestoreBallast() error {
	want := s.options.BallastBytes
	if want == 0 || s.ballasted || roomOf(s.options.Dir).Free < 2*want {
		return nil
	}
	if info, err := os.Stat(s.options.ballast()); err == nil && info.Size() == want {
		s.ballasted = true
		return nil
	}
	if err := writeBallast(s.options.ballast(), want); err != nil {
		return errors.Join(err, os.Remove(s.options.ballast()))
	}
	s.ballasted = true
	return nil
}

// writeBallast makes a file of bytes that no file system finds shorter words for.
func writeBallast(path string, n int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	random := rand.NewChaCha8([32]byte{})
	chunk := make([]byte, 1<<20)
	for n > 0 && err == nil {
		_, _ = random.Read(chunk) // never fails
		_, err = f.Write(chunk[:min(n, int64(len(chunk)))])
		n -= int64(len(chunk))
	}
	return errors.Join(err, f.Sync(), f.Close())
}
