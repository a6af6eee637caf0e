package badger

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// sparse returns a prefiller of a file full of holes but for what it begins with, and the file's
// path.
func sparse(t *testing.T, begin []byte, size int64) (*prefiller, string) {
	path := filepath.Join(t.TempDir(), "000001.vlog")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(begin); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	p := &prefiller{advisor: &advisor{on: true}}
	p.advisor.current[valueLog] = path
	t.Cleanup(p.close)
	if !p.turn() {
		t.Fatal("the file was not opened")
	}
	if hole, _ := p.nextHole(); hole >= size {
		t.Skip("the file system knows no holes")
	}
	return p, path
}

// nothingChanged fails unless a file holds what it began with, and zeros.
func nothingChanged(t *testing.T, path string, begin []byte, size int64) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || int64(len(got)) != size || !bytes.HasPrefix(got, begin) || len(bytes.Trim(got[len(begin):], "\x00")) > 0 {
		t.Fatalf("the file changed: %d bytes, %v", len(got), err)
	}
}

func TestPrefillMakesPagesAndChangesNothing(t *testing.T) {
	const size = 4 << 20
	for _, written := range []int{0, 1, 20, 4095, 4096, 4097, 1<<20 + 77} {
		for _, bytes := range []int64{prefillBytes - 1, prefillBytes, 300_001, 2 << 20, 8 << 20} {
			t.Run(fmt.Sprintf("%d behind %d", bytes, written), func(t *testing.T) {
				begin := make([]byte, written)
				fill(begin, 7)
				p, path := sparse(t, begin, size)
				before, _ := p.nextHole()
				p.prepare(bytes)
				nothingChanged(t, path, begin, size)
				p.hole = 0
				after, _ := p.nextHole()
				switch end := int64(written) + bytes; {
				case bytes < prefillBytes && after != before:
					t.Errorf("%d bytes are few, and were prepared for: the hole began at %d, now at %d", bytes, before, after)
				case bytes >= prefillBytes && (after > end || after < min(end, size)-2*pageBytes):
					t.Errorf("the hole begins at %d, what is to be written ends at %d", after, end)
				}
			})
		}
	}
}

func TestPrefillFollowsTheValueLog(t *testing.T) {
	p, first := sparse(t, nil, 1<<20)
	p.prepare(512 << 10)
	q, second := sparse(t, []byte("x"), 1<<20)
	q.close()
	p.advisor.current[valueLog] = second
	p.prepare(512 << 10)
	if hole, _ := p.nextHole(); p.file.Name() != second || hole < 500<<10 {
		t.Errorf("%s is prepared to %d, want %s", p.file.Name(), hole, second)
	}
	nothingChanged(t, first, nil, 1<<20)
	nothingChanged(t, second, []byte("x"), 1<<20)
	p.advisor.current[valueLog] = filepath.Join(t.TempDir(), "none")
	if p.prepare(512 << 10); p.file != nil {
		t.Error("a file that is not there was opened")
	}
}

// While Badger rewrites value-log files it may write to the newest one at any time.
func TestNothingIsPrefilledDuringACollection(t *testing.T) {
	sparse(t, nil, 1<<20) // skips where no holes are known
	s := opened(t, t.TempDir())
	defer s.Close()
	l := newRetained(1, 1<<40, 16<<10)
	fill(l.data, 1)
	s.reclaim.running = true
	written(t, s, l.next(20))
	if s.prefill.file != nil {
		t.Error("prefilled beside a collection")
	}
	s.reclaim.running = false
	written(t, s, l.next(20))
	if s.prefill.file == nil || s.prefill.hole < 300<<10 {
		t.Errorf("nothing was prefilled behind it: %d bytes", s.prefill.hole)
	}
}

// What was written in groups large and small, with holes filled before some of them, is there
// again.
func TestPrefilledLogsReadBack(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	const size = 10_001
	l := newRetained(1, 1<<40, size)
	total := 0
	for i := range 40 {
		n := 1 + i*7%30
		l.data = make([]byte, size)
		fill(l.data, uint64(i+1))
		written(t, s, l.next(n))
		total += n
	}
	closed(t, s)
	s = opened(t, dir)
	defer closed(t, s)
	index := uint64(10)
	for i := range 40 {
		want := make([]byte, size)
		fill(want, uint64(i+1))
		for range 1 + i*7%30 {
			index++
			got, err := s.Entries(1, index, index+1, 1<<20)
			if err != nil || len(got) != 1 || !bytes.Equal(got[0].Data, want) {
				t.Fatalf("entry %d: %d entries, %v", index, len(got), err)
			}
		}
	}
	if states, err := s.Replicas(); err != nil || len(states) != 1 || states[0].Last != (storage.Position{Index: 10 + uint64(total), Term: 5}) {
		t.Fatalf("%+v, %v", states, err)
	}
}

// A value-log file that Badger deletes frees its space only if nobody has it open.
func TestAFullValueLogIsNotHeldOpen(t *testing.T) {
	s := opened(t, t.TempDir())
	defer closed(t, s)
	l := newRetained(1, 1<<40, 1<<20)
	fill(l.data, 1)
	written(t, s, l.next(1))
	first := s.advisor.current[valueLog]
	if s.prefill.file == nil || s.prefill.file.Name() != first {
		t.Fatalf("%v is open, %s is the newest", s.prefill.file, first)
	}
	for s.advisor.current[valueLog] == first {
		written(t, s, l.next(1))
	}
	if s.prefill.file != nil {
		t.Errorf("%s is still open", s.prefill.file.Name())
	}
}
