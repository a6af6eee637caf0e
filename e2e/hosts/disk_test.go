//go:build linux

package hosts

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

type writer struct{ text string }

func (w *writer) Write(b []byte) (int, error) { w.text += string(b); return len(b), nil }
func (w *writer) has(s string) bool           { return strings.Contains(w.text, s) }

func disk(t *testing.T, fs string) *Disk {
	t.Helper()
	Need(t)
	if _, err := exec.LookPath("mkfs." + fs); err != nil {
		t.Skipf("mkfs.%s is not installed", fs)
	}
	return New(t, Options{Hosts: 1, Disk: 512 << 20, FS: fs}).Host(1).Disk
}

// What the power loss must take and must leave: this is the proof that a run which finds nothing
// lost says something.
func TestCutLosesWhatWasNotSynced(t *testing.T) {
	for _, fs := range []string{"ext4", "xfs"} {
		t.Run(fs, func(t *testing.T) {
			d := disk(t, fs)
			content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
			synced, unsynced := filepath.Join(d.Dir, "synced"), filepath.Join(d.Dir, "unsynced")
			write(t, synced, content, true)
			write(t, unsynced, content, false)
			if err := d.Cut(); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(d.Dir, "after"), content, 0o600); err == nil {
				t.Error("a disk without power took a file")
			}
			if err := d.Restore(); err != nil {
				t.Fatal(err)
			}
			if got, err := os.ReadFile(synced); err != nil || !bytes.Equal(got, content) {
				t.Errorf("of the synced file %d bytes are left, want all %d: %v", len(got), len(content), err)
			}
			if got, _ := os.ReadFile(unsynced); bytes.Equal(got, content) {
				t.Error("a file that nobody synced survived the power loss")
			}
		})
	}
}

// A process that has a mount namespace of its own keeps a file system alive that was cut.
func TestRestoreWhatAnotherNamespaceHolds(t *testing.T) {
	for _, fs := range []string{"ext4", "xfs"} {
		t.Run(fs, func(t *testing.T) {
			d := disk(t, fs)
			held := exec.Command("unshare", "--mount", "sh", "-c", "echo ready; exec sleep 600")
			out, err := held.StdoutPipe()
			if err := errors.Join(err, held.Start()); err != nil {
				t.Fatal(err)
			}
			defer func() { _ = held.Process.Kill(); _ = held.Wait() }()
			if _, err := out.Read(make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			content := bytes.Repeat([]byte("0123456789abcdef"), 1<<14)
			for round := range 2 { // the second one is of a disk that nobody else holds
				path := filepath.Join(d.Dir, "synced")
				write(t, path, content, true)
				if err := errors.Join(d.Cut(), d.Restore()); err != nil {
					t.Fatal(err)
				}
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, content) {
					t.Fatalf("round %d: of the synced file %d bytes are left: %v", round, len(got), err)
				}
			}
		})
	}
}

func write(t *testing.T, path string, content []byte, sync bool) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(content)
	if sync {
		err = errors.Join(err, f.Sync(), syncDir(filepath.Dir(path)))
	}
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func TestFrozenDiskMakesWritersWait(t *testing.T) {
	d := disk(t, "ext4")
	if err := d.Freeze(); err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() { written <- os.WriteFile(filepath.Join(d.Dir, "file"), []byte("x"), 0o600) }()
	select {
	case err := <-written:
		t.Errorf("written to a frozen disk: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
	if err := d.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	d := disk(t, "ext4")
	if err := d.Fill(0); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(d.Dir, "file")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("write to a full disk: %v, want %v", err, unix.ENOSPC)
	}
	if err := d.Empty(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Error(err)
	}
}
