package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Wipe deletes all that a stopped node has stored, as if its disk had been replaced by an empty
// one.
func (n *Node) Wipe() {
	n.t.Helper()
	n.stopped("wiped")
	if err := os.RemoveAll(n.Data()); err != nil {
		n.t.Fatal(err)
	}
}

// Backup copies all that a stopped node has stored, and returns what brings that state of it back,
// once.
func (n *Node) Backup() (restore func()) {
	n.t.Helper()
	n.stopped("copied")
	return n.copied()
}

// Snapshot does the same at one moment of a running node's life, as a virtual machine's host does.
func (n *Node) Snapshot() (restore func()) {
	n.t.Helper()
	n.Pause()
	defer n.Resume()
	return n.copied()
}

func (n *Node) copied() (restore func()) {
	n.t.Helper()
	backup := filepath.Join(n.Dir, "backup")
	if out, err := exec.Command("cp", "-a", "--sparse=always", n.Data(), backup).CombinedOutput(); err != nil {
		n.t.Fatalf("copy %s: %v\n%s", n.Data(), err, out)
	}
	return func() {
		n.t.Helper()
		n.Wipe()
		if err := os.Rename(backup, n.Data()); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *Node) stopped(what string) {
	n.t.Helper()
	if n.Running() {
		n.t.Fatalf("the disk of node %d is %s while it runs", n.ID, what)
	}
}

// FlipNewest flips one bit amid a log entry that a stopped node wrote halfway through the newest of
// its value log files that has one, and says where. What is at its end a kill may have left
// unfinished.
func (n *Node) FlipNewest() Flipped {
	n.t.Helper()
	n.stopped("damaged")
	files := n.stored("*.vlog")
	for i := len(files) - 1; i >= 0; i-- {
		if at, ok := newestEntry(files[i]); ok {
			return n.flip(files[i], at, 3)
		}
	}
	n.t.Fatalf("node %d has no entry in %v", n.ID, files)
	return Flipped{}
}

// Flipped is where a bit was flipped.
type Flipped struct {
	File string
	At   int64
	Bit  int
}

func (f Flipped) String() string {
	return fmt.Sprintf("bit %d of byte %d of %s", f.Bit, f.At, filepath.Base(f.File))
}

// Flip flips one bit of a random place of a random one of a node's data files. The files are those
// that match a pattern and hold anything; the ballast holds no data.
func (n *Node) Flip(random *rand.Rand, pattern string) Flipped {
	n.t.Helper()
	var files []string
	for _, f := range n.stored(pattern) {
		if name := filepath.Base(f); name != "BALLAST" && name != "LOCK" && occupied(n, f) > 0 {
			files = append(files, f)
		}
	}
	if len(files) == 0 {
		n.t.Fatalf("node %d has no data files %s", n.ID, pattern)
	}
	f := files[random.IntN(len(files))]
	return n.flip(f, random.Int64N(occupied(n, f)), random.IntN(8))
}

// FlipAt flips one bit amid the first place in the value log where a text is.
func (n *Node) FlipAt(text string) Flipped {
	n.t.Helper()
	for _, f := range n.stored("*.vlog") {
		content, err := os.ReadFile(f)
		if err != nil {
			n.t.Fatal(err)
		}
		if at := bytes.Index(content, []byte(text)); at >= 0 {
			return n.flip(f, int64(at+len(text)/2), 3)
		}
	}
	n.t.Fatalf("node %d does not hold %q", n.ID, text)
	return Flipped{}
}

// Repair puts a store that a stopped node has put aside back, with a bit in it as it was.
func (n *Node) Repair(aside string, f Flipped) {
	n.t.Helper()
	n.stopped("repaired")
	store := filepath.Join(n.Data(), "store")
	if err := errors.Join(os.RemoveAll(store), os.Rename(aside, store)); err != nil {
		n.t.Fatal(err)
	}
	n.flip(f.File, f.At, f.Bit)
}

// SetAside returns the damaged stores that the node has put aside.
func (n *Node) SetAside() []string {
	n.t.Helper()
	found, err := filepath.Glob(filepath.Join(n.Data(), "store.damaged-*"))
	if err != nil {
		n.t.Fatal(err)
	}
	return found
}

func (n *Node) stored(kind string) []string {
	n.t.Helper()
	files, err := filepath.Glob(filepath.Join(n.Data(), "store", kind))
	if err != nil || len(files) == 0 {
		n.t.Fatalf("files %s of node %d: %v, %v", kind, n.ID, files, err)
	}
	slices.Sort(files)
	return files
}

// occupied is how much of a file is written: the rest is zero.
func occupied(n *Node, file string) int64 {
	n.t.Helper()
	f, err := os.Open(file)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	var end, at int64
	b := make([]byte, 1<<20)
	for {
		read, err := io.ReadFull(f, b)
		if trimmed := strings.TrimRight(string(b[:read]), "\x00"); trimmed != "" {
			end = at + int64(len(trimmed))
		}
		if at += int64(read); err != nil {
			return end
		}
	}
}

func (n *Node) flip(file string, at int64, bit int) Flipped {
	n.t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		n.t.Fatal(err)
	}
	b[0] ^= 1 << bit
	if _, err := f.WriteAt(b, at); err != nil {
		n.t.Fatal(err)
	}
	return Flipped{file, at, bit}
}
