package cluster

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Wipe deletes all that a stopped node has stored, as if its disk had been replaced by an empty one.
func (n *Node) Wipe() {
	n.t.Helper()
	n.stopped("wiped")
	if err := os.RemoveAll(n.Data()); err != nil {
		n.t.Fatal(err)
	}
}

// Backup copies all that a stopped node has stored, and returns what brings that state of it back, once.
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

// FlipNewest flips one bit among the values that a stopped node wrote last, and says where.
func (n *Node) FlipNewest() string {
	n.t.Helper()
	n.stopped("damaged")
	files := n.stored("*.vlog")
	at := len(files) - 1
	for at > 0 && occupied(n, files[at]) < 4096 { // a file that was only begun
		at--
	}
	return n.flip(files[at], occupied(n, files[at])-1500, 3)
}

func (n *Node) stored(kind string) []string {
	n.t.Helper()
	files, err := filepath.Glob(filepath.Join(n.Data(), "store", kind))
	if err != nil || len(files) == 0 && kind == "*.vlog" {
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

func (n *Node) flip(file string, at int64, bit int) string {
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
	return fmt.Sprintf("bit %d of byte %d of %s", bit, at, filepath.Base(file))
}
