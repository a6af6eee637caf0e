//go:build !race

// As the other tests of reclaiming (reclaim_test.go) not with the race detector.

package badger

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestFIFOStaysSmall keeps a log at a fixed size while four times as much flows through it: the
// store never takes 1.8 times of what is live once it is in its stride, and writes little more to
// the device than it was given. e2e/soak does the same for hours with a whole cluster.
func TestFIFOStaysSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("it writes 1.5 GiB")
	}
	dir := t.TempDir()
	s, err := Open(Options{Dir: dir, Fatal: func(err error) { t.Error(err) }, ValueLogBytes: 64 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, s)
	const entry, live, total = 256 << 10, 384 << 20, 1536 << 20
	l := newRetained(1, live/entry, entry)
	for i := range l.data {
		l.data[i] = byte(i*i>>3 ^ i)
	}
	written0, worst := deviceBytes(t), 0.0
	for i := range total / entry / 4 {
		written(t, s, l.next(4))
		if i%16 == 0 && i*4*entry > 2*live {
			worst = max(worst, float64(sizeOf(dir, "*"))/live)
		}
	}
	amplification := float64(deviceBytes(t)-written0) / total
	t.Logf("at most %.2f times of what is live on disk, %.2f bytes written to the device for one", worst, amplification)
	if worst > 1.8 {
		t.Errorf("the store took %.2f times of what is live, want 1.8 at most", worst)
	}
}

// deviceBytes is how much this process has had written to devices so far; 0 where that is not told.
func deviceBytes(t *testing.T) (n int64) {
	t.Helper()
	f, err := os.Open("/proc/self/io")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if v, ok := strings.CutPrefix(lines.Text(), "write_bytes: "); ok {
			fmt.Sscan(v, &n)
		}
	}
	return n
}
