//go:build linux

package disks

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go.etcd.io/raft/v3/raftpb"

	"github.com/troupe-mq/troupe/e2e/hosts"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/badger"
)

// What tells the test binary that it is a process that writes to a store: where, and entries of
// which size.
const (
	writerDir  = "TROUPE_DISKS_WRITER"
	writerSize = "TROUPE_DISKS_SIZE"
)

var filesystems = []string{"ext4", "xfs"}

// TestWriter is no test: it is the process that writes until it cannot. It prints what the store
// counts as held when it is opened, and then after each write up to where all is acknowledged.
func TestWriter(t *testing.T) {
	dir := os.Getenv(writerDir)
	if dir == "" {
		t.Skip("it is run by other tests")
	}
	size, _ := strconv.Atoi(os.Getenv(writerSize))
	s, err := badger.Open(options(dir, func(err error) { fmt.Fprintln(os.Stderr, "fatal:", err); os.Exit(1) }))
	if err != nil {
		fmt.Fprintln(os.Stderr, "open:", err)
		os.Exit(1)
	}
	state := storage.State{Shard: 7, Replica: 1, Start: storage.Position{Index: 10, Term: 5}, Last: storage.Position{Index: 10, Term: 5}}
	if held, _ := s.Replicas(); len(held) == 1 {
		state = held[0]
	}
	for fmt.Println(state.Last.Index); ; {
		if err := s.Write([]storage.Append{next(&state, size)}); err != nil {
			fmt.Fprintln(os.Stderr, "write:", err)
			os.Exit(1)
		}
		fmt.Println(state.Last.Index)
	}
}

func options(dir string, fatal func(error)) badger.Options {
	return badger.Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), Fatal: fatal, ValueLogBytes: 64 << 20}
}

// next is a write of a few entries; all that a log holds before is forgotten when it is long.
func next(state *storage.State, size int) storage.Append {
	a := storage.Append{}
	for range 4 {
		state.Last.Index++
		a.Entries = append(a.Entries, &raftpb.Entry{Index: new(state.Last.Index), Term: new(uint64(5)), Data: content(state.Last.Index, size)})
	}
	a.State = *state
	return a
}

func content(index uint64, size int) []byte {
	b := make([]byte, size)
	for i := 0; i+8 <= size; i += 8 {
		binary.BigEndian.PutUint64(b[i:], index*0x9e3779b97f4a7c15+uint64(i))
	}
	return b
}

// writer is such a process.
type writer struct {
	cmd   *exec.Cmd
	acks  *bufio.Scanner
	acked uint64
	said  strings.Builder
}

func start(t *testing.T, dir string, size int) *writer {
	t.Helper()
	w := &writer{cmd: exec.Command(os.Args[0], "-test.run=^TestWriter$")}
	w.cmd.Env = append(os.Environ(), writerDir+"="+dir, writerSize+"="+strconv.Itoa(size))
	w.cmd.Stderr = &w.said
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	w.acks = bufio.NewScanner(out)
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.kill)
	return w
}

// write goes on until so many writes are acknowledged; false if the process ended before.
func (w *writer) write(writes int) bool {
	for ; writes > 0; writes-- {
		if !w.acks.Scan() {
			return false
		}
		if n, err := strconv.ParseUint(strings.TrimSpace(w.acks.Text()), 10, 64); err == nil {
			w.acked = n
		}
	}
	return true
}

func (w *writer) kill() {
	_ = w.cmd.Process.Kill()
	for w.write(1) { // what it said before
	}
	_ = w.cmd.Wait()
}

// holds opens a store, checks that it is whole, and returns where its log ends.
func holds(t *testing.T, dir string, size int) (*badger.Store, storage.State) {
	t.Helper()
	s, err := badger.Open(options(dir, func(err error) { t.Errorf("fatal: %v", err) }))
	if err != nil {
		t.Fatal(err)
	}
	states, err := s.Replicas()
	if err != nil || len(states) != 1 || len(s.Suspect()) > 0 {
		t.Fatalf("%d replicas, %v, suspect %v", len(states), err, s.Suspect())
	}
	for at := states[0].Start.Index + 1; at <= states[0].Last.Index; {
		entries, err := s.Entries(1, at, states[0].Last.Index+1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if string(e.Data) != string(content(e.GetIndex(), size)) {
				t.Fatalf("entry %d is another one", e.GetIndex())
			}
		}
		at += uint64(len(entries))
	}
	return s, states[0]
}

// TestASyncThatFails has the disk refuse what is written for a moment, until a sync fails and the
// process ends. The kernel goes on to show what was never written. What the store that is opened
// next counts as held, and others are told, a power loss at that moment must not take away.
func TestASyncThatFails(t *testing.T) {
	for _, fs := range filesystems {
		for _, size := range []int{300, 5000} { // in the tree, and in the value log
			t.Run(fmt.Sprintf("%s/%d", fs, size), func(t *testing.T) { testASyncThatFails(t, fs, size) })
		}
	}
}

func testASyncThatFails(t *testing.T, fs string, size int) {
	d := hosts.NewRefusing(t, fs, 320<<20)
	dir := filepath.Join(d.Dir, "store")
	for range 2 {
		w := start(t, dir, size)
		if !w.write(1500) { // flushing that much takes longer than it takes to lose power
			t.Fatalf("it ended: %s", &w.said)
		}
		if err := d.Refuse(); err != nil {
			t.Fatal(err)
		}
		for w.write(1) {
		}
		_ = w.cmd.Wait()
		if err := d.Accept(); err != nil {
			t.Fatal(err)
		}
		again := start(t, dir, size)
		if !again.write(1) {
			t.Fatalf("it ended: %s", &again.said)
		}
		t.Logf("acknowledged up to %d, counted as held up to %d: %s", w.acked, again.acked, strings.TrimSpace(w.said.String()))
		if again.acked < w.acked {
			t.Fatal("what was acknowledged is not there")
		}
		counted := again.acked
		powerLoss(t, d, again)
		lasts(t, dir, size, counted)
		if err := d.Trim(); err != nil {
			t.Fatal(err)
		}
	}
}

// disk is one that loses power.
type disk interface {
	Cut() error
	Restore() error
}

// powerLoss takes the power from a process and its disk, and brings it back.
func powerLoss(t *testing.T, d disk, w *writer) {
	t.Helper()
	if err := d.Cut(); err != nil {
		t.Fatal(err)
	}
	w.kill()
	if err := d.Restore(); err != nil {
		t.Fatal(err)
	}
}

// lasts checks that a store is whole and holds all up to an entry.
func lasts(t *testing.T, dir string, size int, counted uint64) {
	t.Helper()
	s, state := holds(t, dir, size)
	if state.Last.Index < counted {
		t.Errorf("the log ends at %d after a power loss; it was counted as held up to %d", state.Last.Index, counted)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestAPowerLoss takes the power from a store that is written to, again and again. All that was
// acknowledged is there.
func TestAPowerLoss(t *testing.T) {
	hosts.Need(t)
	for _, fs := range filesystems {
		for _, size := range []int{300, 5000} {
			t.Run(fmt.Sprintf("%s/%d", fs, size), func(t *testing.T) {
				if _, err := exec.LookPath("mkfs." + fs); err != nil {
					t.Skipf("mkfs.%s is not installed", fs)
				}
				d := hosts.Alone(t, fs, 1<<30)
				dir := filepath.Join(d.Dir, "store")
				for round := range 4 {
					w := start(t, dir, size)
					if !w.write(30 + 100*round) {
						t.Fatalf("it ended: %s", &w.said)
					}
					acked := w.acked // what is acknowledged while the power goes may be a lie of the file system
					powerLoss(t, d, w)
					lasts(t, dir, size, acked)
				}
			})
		}
	}
}
