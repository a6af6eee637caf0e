//go:build linux

package hosts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What a process of a lying host synced is lost.
func TestLie(t *testing.T) {
	Need(t)
	h := New(t, Options{Hosts: 1, Disk: 512 << 20}).Host(1)
	for _, lies := range []bool{false, true} {
		if lies {
			if err := h.Lie(); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(h.Disk.Dir, fmt.Sprint("file", lies))
		dd := exec.Command("dd", "if=/dev/urandom", "of="+path, "bs=64K", "count=4", "conv=fsync")
		if err := errors.Join(h.Do(dd.Start), dd.Wait(), h.Disk.Cut(), h.Disk.Restore()); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(path)
		if there := err == nil && info.Size() == 4*64<<10; there == lies {
			t.Errorf("the host lies: %t; the synced file is there: %t", lies, there)
		}
	}
}
