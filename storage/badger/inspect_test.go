//go:build !race

// Badger opens and closes many stores here, as in flips_test.go.

package badger

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// tree tells all that a directory holds: names, modes, sizes, times and contents.
func tree(t *testing.T, dir string) string {
	t.Helper()
	out := ""
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		out += fmt.Sprintf("%s %v %d %v", path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			out += fmt.Sprintf(" %x", crc32.Checksum(content, castagnoli))
		}
		out += "\n"
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// inspected looks at a store, and returns what it holds; empty if nothing can be said of it.
func inspected(t *testing.T, dir string) (held string, suspect int) {
	t.Helper()
	before := tree(t, dir)
	defer func() {
		if after := tree(t, dir); after != before {
			t.Errorf("looking at it changed the directory from\n%s\nto\n%s", before, after)
		}
	}()
	s, err := Inspect(dir)
	if unreadable := (*storage.Unreadable)(nil); errors.As(err, &unreadable) && unreadable.Dir == dir {
		return "", 0
	}
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	if err := s.Write([]storage.Append{newRetained(99, 8, 100).next(1)}); err == nil {
		t.Error("a store that is only looked at took a write")
	}
	return contents(t, s), len(s.Suspect())
}

// TestLookingAtAWholeStore expects Inspect to find what Open finds.
func TestLookingAtAWholeStore(t *testing.T) {
	for name, dir := range map[string]string{"closed": closedStore(t), "killed": killedStore(t), "empty": t.TempDir()} {
		held, suspect := inspected(t, dir)
		s := opened(t, dir)
		if want := contents(t, s); held != want || suspect != 0 {
			t.Errorf("%s: %s, and %d suspect replicas, want %s", name, held, suspect, want)
		}
		if _, err := Inspect(dir); err == nil {
			t.Errorf("%s: a store in use was looked at", name)
		}
		closed(t, s)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "troupe-inspect-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestLookingWritesNothing damages stores in every way that these tests know, and expects Inspect
// to change nothing and to find it.
func TestLookingWritesNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		name  string
		dir   string
		kinds []string
	}{
		{"closed", closedStore(t), []string{"*.vlog", "*.sst", "MANIFEST", "DISCARD", "KEYREGISTRY", floorName, identityName}},
		{"killed", killedStore(t), []string{"00001.mem", "00002.mem", "MANIFEST", "000001.vlog"}},
	} {
		whole := imageOf(t, c.dir)
		want, _ := inspected(t, c.dir)
		for _, kind := range c.kinds {
			dir := whole.copied(t)
			where := whole.flip(t, dir, kind, random)
			held, suspect := inspected(t, dir)
			s, err := Open(testOptions(t, dir))
			if (err != nil) != (held == "" && suspect == 0) {
				t.Errorf("%s: %s was flipped: Open says %v, Inspect finds %q", c.name, where, err, held)
			}
			if err == nil {
				if now := contents(t, s); suspect == 0 && len(s.Suspect()) == 0 && now != held && held != want {
					t.Errorf("%s: %s was flipped: Open finds %s, Inspect %s", c.name, where, now, held)
				}
				closed(t, s)
			}
			for i, damage := range []func(path string) error{
				os.Remove,
				func(path string) error { return os.Truncate(path, 0) },
				func(path string) error { return os.Truncate(path, 100) },
				func(path string) error { return os.WriteFile(path, []byte("something else"), 0o600) },
				func(path string) error { return os.WriteFile(path+"9.sst", []byte("left over"), 0o600) },
			} {
				dir := whole.copied(t)
				files, _ := filepath.Glob(filepath.Join(dir, kind))
				if err := damage(files[0]); err != nil {
					t.Fatal(i, err)
				}
				inspected(t, dir)
			}
		}
	}
}
