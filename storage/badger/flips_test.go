//go:build !race

// Badger opens and closes hundreds of stores here: with the race detector that takes minutes, and
// shows nothing that the other tests do not.

package badger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/storage"
)

// TestAnyFlippedBitIsFound flips a random bit of a random file of each kind, of a store that was
// closed and of one whose process was killed, again and again. Either the store does not open and
// says which file is damaged and whose store it was, or replicas are suspect, or it was mended, or
// reading finds the place, or all that the store held is still there, byte by byte. Badger itself
// would panic over most of them in its tables, delete tables over some in its list of them, and
// drop what lies behind some in its logs.
func TestAnyFlippedBitIsFound(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		name  string
		dir   string
		kinds []string
	}{
		{"closed", closedStore(t), []string{"*.vlog", "*.sst", "MANIFEST", "DISCARD", "KEYREGISTRY", floorName, identityName}},
		{"killed", killedStore(t), []string{"00001.mem", "00002.mem", "MANIFEST", "000001.vlog"}},
	} {
		whole := imageOf(t, c.dir)
		s := opened(t, whole.copied(t))
		want := contents(t, s)
		closed(t, s)
		for _, kind := range c.kinds {
			found := map[string]int{}
			for range 6 {
				dir := whole.copied(t)
				where := whole.flip(t, dir, kind, random)
				how := howFound(t, dir, want)
				if how == "" {
					t.Errorf("%s: %s was flipped, and nothing found it", c.name, where)
				}
				found[how]++
			}
			t.Log(c.name, kind, found)
		}
	}
}

// closedStore returns a store that several runs wrote to: tables, two files of the value log, and a
// hint of what is dead in the first.
func closedStore(t *testing.T) string {
	t.Helper()
	dir := filled(t)
	rotateValueLog(t, dir)
	s := opened(t, dir)
	if err := s.WriteNode(storage.Node{NodeID: 3, Incarnation: 77, Run: storage.Run{Number: 2}}); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	hint := make([]byte, 1<<20)
	hint[7], hint[14] = 1, 1 // 256 bytes of file 1
	if err := os.WriteFile(filepath.Join(dir, discardName), hint, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// killedStore returns a store with the logs of two memtables, as a process leaves it that was
// killed amid a flush. All that is in it was acknowledged.
func killedStore(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	killed(t, dir, 100*time.Millisecond)
	first := newest(dir, "*.mem")
	data, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	r := bytes.NewReader(data[logHeaderBytes:])
	at, seen := 0, 0
	for at == 0 {
		meta, _, ok := logEntry(r, data)
		if !ok {
			t.Fatalf("the log of the memtable ends after %d transactions", seen)
		}
		if meta&endsIt != 0 {
			if seen++; seen == 5 {
				at = len(data) - r.Len()
			}
		}
	}
	second := append(bytes.Clone(data[:logHeaderBytes]), bytes.TrimRight(data[at:], "\x00")...)
	if err := errors.Join(os.WriteFile(first, data[:at], 0o600), os.WriteFile(filepath.Join(dir, "00002.mem"), append(second, 0, 0, 0, 0), 0o600)); err != nil {
		t.Fatal(err)
	}
	f, _, err := openFloor(dir)
	if err := errors.Join(err, f.raise(transactions(second).to), f.close()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// image is what the files of a store hold, by name: they are sparse, and what is zero at their ends
// is left out.
type image map[string]struct {
	content []byte
	length  int64
}

func imageOf(t *testing.T, dir string) image {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	i := image{}
	for _, f := range files {
		content, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		file := i[f.Name()]
		file.content, file.length = bytes.Clone(bytes.TrimRight(content, "\x00")), int64(len(content))
		i[f.Name()] = file
	}
	return i
}

// copied returns a directory with the same files.
func (i image) copied(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	for name, f := range i {
		path := filepath.Join(to, name)
		if err := errors.Join(os.WriteFile(path, f.content, 0o600), os.Truncate(path, f.length)); err != nil {
			t.Fatal(err)
		}
	}
	return to
}

// flip flips a random bit of what is written in a file of a kind, in a copy, and says which.
func (i image) flip(t *testing.T, dir, kind string, random *rand.Rand) string {
	t.Helper()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(i)) {
		if is, _ := filepath.Match(kind, name); is && len(i[name].content) > 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		t.Fatalf("there is no %s", kind)
	}
	name := names[random.IntN(len(names))]
	content := i[name].content
	at, bit := random.IntN(len(content)), random.IntN(8)
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{content[at] ^ 1<<bit}, int64(at))
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("bit %d of byte %d of %s", bit, at, name)
}

func howFound(t *testing.T, dir, want string) (how string) {
	t.Helper()
	s, err := Open(testOptions(t, dir))
	if unreadable := (*storage.Unreadable)(nil); errors.As(err, &unreadable) && errors.Is(err, storage.ErrCorrupt) {
		if strings.Contains(want, "node 3") && (!unreadable.Known || unreadable.Held.Incarnation != 77) {
			t.Errorf("whose store it was is not known: %+v", unreadable)
		}
		return "at open"
	}
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	if len(s.Suspect()) > 0 {
		return "a replica is suspect"
	}
	got := contents(t, s)
	switch {
	case strings.Contains(got, "damaged"):
		return "by reading"
	case got != want:
		return ""
	case len(s.Mended()) > 0:
		return "mended"
	}
	return "all is there"
}

// contents tells all that a store holds.
func contents(t *testing.T, s *Store) string {
	t.Helper()
	out := ""
	n, err := s.Node()
	if !errors.Is(err, storage.ErrNotFound) {
		out += fmt.Sprintf("node %d of %d, %v\n", n.NodeID, n.Incarnation, err)
	}
	states, err := s.Replicas()
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range states {
		sum := sha256.New()
		for i := state.Start.Index + 1; i <= state.Last.Index; i++ {
			entries, err := s.Entries(state.Replica, i, i+1, 0)
			if errors.Is(err, storage.ErrCorrupt) {
				out += "damaged\n"
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			sum.Write(entries[0].Data)
		}
		c, err := s.Checkpoint(state.Replica)
		if errors.Is(err, storage.ErrCorrupt) {
			out += "damaged\n"
		} else if err == nil {
			sum.Write(c.Machine)
		}
		out += fmt.Sprintf("%+v %x\n", state, sum.Sum(nil))
	}
	return out
}

// TestAListThatEndsEarly cuts the list of the tables off, as a crash does, and damages a length in
// it, which Badger takes for the same and would delete tables over.
func TestAListThatEndsEarly(t *testing.T) {
	dir := closedStore(t)
	path := filepath.Join(dir, "MANIFEST")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(bytes.Clone(whole), 0, 0, 0, 40, 1, 2, 3, 4, 5, 6), 0o600); err != nil {
		t.Fatal(err)
	}
	closed(t, opened(t, imageOf(t, dir).copied(t)))
	flipped := bytes.Clone(whole)
	flipped[8+3] ^= 1 << 4 // the length of the first record
	if err := os.WriteFile(path, flipped, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testOptions(t, dir)); !errors.Is(err, storage.ErrCorrupt) {
		t.Errorf("a damaged length: %v", err)
	}
}

// TestAYoungListWithAnyBitFlipped flips every bit of a list that is as short as can be: some
// damaged lengths point behind its end, as of a record that a crash cut off.
func TestAYoungListWithAnyBitFlipped(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	written(t, s, newRetained(1, 8, 100).next(1))
	closed(t, s)
	path := filepath.Join(dir, "MANIFEST")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	o := testOptions(t, dir)
	o.setDefaults()
	b := o.badger(&failStop{log: o.Logger, fatal: o.Fatal})
	want, err := checkManifest(dir, b)
	if err != nil || len(want) != 1 {
		t.Fatalf("tables %v, %v", want, err)
	}
	for bit := range 8 * len(whole) {
		flipped := bytes.Clone(whole)
		flipped[bit/8] ^= 1 << (bit % 8)
		if err := os.WriteFile(path, flipped, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := checkManifest(dir, b); !errors.Is(err, storage.ErrCorrupt) && !slices.Equal(got, want) {
			t.Errorf("bit %d of byte %d of %d: tables %v, %v", bit%8, bit/8, len(whole), got, err)
		}
	}
}

// TestATableThatWasNotFinished leaves one that is not in the list, as a process does that is killed
// while it writes one: it is no damage.
func TestATableThatWasNotFinished(t *testing.T) {
	dir := closedStore(t)
	if err := os.WriteFile(filepath.Join(dir, "000099.sst"), make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	s := opened(t, dir)
	defer closed(t, s)
	if states, err := s.Replicas(); err != nil || len(states) != 3 {
		t.Fatalf("%+v, %v", states, err)
	}
}

// TestLogsThatWereNotBegun leaves empty files, as a process does that is killed while it begins
// one. Badger would not open.
func TestLogsThatWereNotBegun(t *testing.T) {
	dir := closedStore(t)
	for _, name := range []string{"00099.mem", "000099.vlog"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := opened(t, dir)
	defer closed(t, s)
	if states, err := s.Replicas(); err != nil || len(states) != 3 {
		t.Fatalf("%+v, %v", states, err)
	}
}

// TestSetAside sets a store aside that cannot be read, crashing at every step, and expects the one
// or the other.
func TestSetAside(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "store")
	if err := os.Rename(closedStore(t), dir); err != nil {
		t.Fatal(err)
	}
	table := newest(dir, "*.sst")
	content, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 4
	if err := os.WriteFile(table, content, 0o600); err != nil {
		t.Fatal(err)
	}
	var unreadable *storage.Unreadable
	if _, err := Open(testOptions(t, dir)); !errors.As(err, &unreadable) || !unreadable.Known || unreadable.Held.NodeID != 3 {
		t.Fatalf("a store with a damaged table: %v", err)
	}
	begin := storage.Node{NodeID: 3, Incarnation: 78, Gave: 77}
	where, err := SetAside(dir, unreadable.Cause, begin)
	if err != nil || where != dir+".damaged-1" {
		t.Fatalf("set aside: %s, %v", where, err)
	}
	if got, err := os.ReadFile(filepath.Join(where, filepath.Base(table))); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("what was set aside is not what was there: %v", err)
	}
	if err := os.Rename(dir, dir+nextSuffix); err != nil { // a crash between the two renames
		t.Fatal(err)
	}
	s := opened(t, dir)
	n, err := s.Node()
	if err != nil || n.Incarnation != 78 || n.Gave != 77 {
		t.Fatalf("the record of the empty store: %+v, %v", n, err)
	}
	if e := s.Evidence(); len(e) != 1 || e[0].Dir != where || !strings.Contains(e[0].Cause, filepath.Base(table)) || e[0].Bytes == 0 || e[0].At.IsZero() {
		t.Fatalf("evidence: %+v", e)
	}
	n.Run.Number = 1
	if err := s.WriteNode(n); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	if where, err = SetAside(dir, storage.ErrCorrupt, begin); err != nil || where != dir+".damaged-2" {
		t.Fatalf("set aside once more: %s, %v", where, err)
	}
	s = opened(t, dir)
	defer closed(t, s)
	for _, e := range s.Evidence() {
		if err := s.Drop(e); err != nil {
			t.Fatal(err)
		}
	}
	if left := s.Evidence(); len(left) != 0 {
		t.Fatalf("left of the evidence: %+v", left)
	}
}

// TestARecordIsNoIdentity takes Badger's files away and leaves the record of the node beside them:
// whose disk that was, nobody gave up.
func TestARecordIsNoIdentity(t *testing.T) {
	dir := t.TempDir()
	if err := writeIdentity(dir, storage.Node{NodeID: 3, Incarnation: 77, Run: storage.Run{Number: 4}}); err != nil {
		t.Fatal(err)
	}
	s := opened(t, dir)
	defer closed(t, s)
	if n, err := s.Node(); !errors.Is(err, storage.ErrNotFound) {
		t.Fatalf("an empty store says that it is %+v (%v)", n, err)
	}
}

// TestTheFileFollowsTheRecord expects the file to be written when the record says something else
// that lasts, and not with every word of how far disks are.
func TestTheFileFollowsTheRecord(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir)
	defer closed(t, s)
	n := storage.Node{NodeID: 3, Incarnation: 77, Run: storage.Run{Number: 1, ID: 5}, Peers: map[int32]storage.Run{1: {Number: 1}}}
	for i, c := range []struct {
		change  func()
		written bool
	}{
		{func() {}, true}, {func() { n.Run.Reached = 9; n.Peers[1] = storage.Run{Number: 1, Reached: 99} }, false},
		{func() { n.Founders = map[int32]uint64{3: 77} }, true}, {func() { n.Peers[1] = storage.Run{Number: 2} }, true}, {func() { n.Run.Number = 2 }, true},
	} {
		c.change()
		before, _ := readIdentity(dir)
		if err := s.WriteNode(n); err != nil {
			t.Fatal(err)
		}
		after, err := readIdentity(dir)
		if written := !reflect.DeepEqual(before, after); err != nil || written != c.written {
			t.Errorf("change %d: written %v, want %v (%v)", i, written, c.written, err)
		}
	}
}

// TestANewerFormatIsNotDamage has a store say that a newer build wrote it.
func TestANewerFormatIsNotDamage(t *testing.T) {
	dir := closedStore(t)
	body := fmt.Appendf(nil, `{"NodeID":3,"Format":%d}`, format+1)
	if err := errors.Join(
		os.WriteFile(filepath.Join(dir, identityName), seal(append(sealed(len(body)), body...)), 0o600),
		os.WriteFile(filepath.Join(dir, "MANIFEST"), []byte("written in another way"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(testOptions(t, dir)); !errors.Is(err, errNewer) || errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("open: %v", err)
	}
}
