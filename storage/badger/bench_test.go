package badger

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/troupe-mq/troupe/storage"
)

// BenchmarkWrite writes groups to a store and, to compare, appends the same bytes to a file with
// fdatasync: the limit of the disk. It reports what the device wrote for each byte (all processes'
// writes count, so run it alone) and the slowest groups.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20} {
		name := fmt.Sprintf("%dKiB", size>>10)
		b.Run("file/"+name, func(b *testing.B) { benchFile(b, size, false) })
		b.Run("preallocated/"+name, func(b *testing.B) { benchFile(b, size, true) })
		b.Run("prefilled/"+name, func(b *testing.B) { benchStore(b, size, AdviseOn, true) })
		b.Run("advised/"+name, func(b *testing.B) { benchStore(b, size, AdviseOn, false) })
		b.Run("plain/"+name, func(b *testing.B) { benchStore(b, size, AdviseOff, false) })
	}
}

const (
	benchReplicas = 16
	benchEntry    = 16 << 10
)

func benchStore(b *testing.B, size int, advise Advise, prefill bool) {
	dir := b.TempDir()
	measure(b, dir, size, storeGroups(b, dir, size, advise, prefill))
}

// storeGroups returns what writes a group of that size to a store.
func storeGroups(b *testing.B, dir string, size int, advise Advise, prefill bool) func() {
	s, err := Open(Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { b.Fatal(err) }, Advise: advise})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	if !prefill {
		s.prefill.advisor = &advisor{}
	}
	logs := make([]*retained, benchReplicas)
	for i := range logs {
		logs[i] = newRetained(storage.ReplicaID(i+1), 1<<40, min(size, benchEntry))
		fill(logs[i].data, uint64(i))
	}
	n := 0
	return func() {
		var group []storage.Append
		for left := max(1, size/benchEntry); left > 0; n++ {
			k := max(1, size/benchEntry/benchReplicas)
			group = append(group, logs[n%benchReplicas].next(k))
			left -= k
		}
		written(b, s, group...)
	}
}

func benchFile(b *testing.B, size int, preallocated bool) {
	dir := b.TempDir()
	measure(b, dir, size, fileGroups(b, dir, size, preallocated))
}

// fileGroups returns what appends so many bytes to a file and syncs it.
func fileGroups(b *testing.B, dir string, size int, preallocated bool) func() {
	f, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if preallocated {
		if err := unix.Fallocate(int(f.Fd()), 0, 0, 2<<30); err != nil {
			b.Skip(err)
		}
	}
	data := make([]byte, size)
	fill(data, 1)
	return func() {
		if _, err := f.Write(data); err != nil {
			b.Fatal(err)
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkShare writes groups of 1 MiB to a store as it comes and appends as much to a file with
// fdatasync, some of the one and some of the other in turn, so that both have the same minute, and
// reports the store's share of the file's speed. The goal is 60 %.
func BenchmarkShare(b *testing.B) {
	const size, inTurn = 1 << 20, 16
	store, file := storeGroups(b, b.TempDir(), size, AdviseDefault, true), fileGroups(b, b.TempDir(), size, false)
	var took [2]time.Duration
	b.SetBytes(2 * inTurn * size)
	for b.Loop() {
		for i, group := range []func(){file, store} {
			begin := time.Now()
			for range inTurn {
				group()
			}
			took[i] += time.Since(begin)
		}
	}
	mib := float64(b.N * inTurn)
	b.ReportMetric(mib/took[0].Seconds(), "file-MiB/s")
	b.ReportMetric(mib/took[1].Seconds(), "store-MiB/s")
	b.ReportMetric(100*took[0].Seconds()/took[1].Seconds(), "share-%")
}

// fill makes data that does not compress.
func fill(b []byte, seed uint64) {
	x := seed*0x9E3779B97F4A7C15 | 1
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x)
	}
}

// measure runs b.N groups and reports throughput, latencies and device writes.
func measure(b *testing.B, dir string, size int, group func()) {
	var took []time.Duration
	b.SetBytes(int64(size))
	before, known := deviceWrites(dir)
	used := processorTime(b)
	for b.Loop() {
		begin := time.Now()
		group()
		took = append(took, time.Since(begin))
	}
	b.ReportMetric((processorTime(b)-used).Seconds()/float64(len(took)*size)*(1<<30), "cpu-s/GiB")
	slices.Sort(took)
	b.ReportMetric(took[len(took)/2].Seconds()*1000, "p50-ms")
	b.ReportMetric(took[len(took)*99/100].Seconds()*1000, "p99-ms")
	if after, _ := deviceWrites(dir); known {
		b.ReportMetric(float64(after-before)/float64(len(took)*size), "device-B/B")
	}
}

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// deviceWrites returns the bytes written so far to the block device of a directory.
func deviceWrites(dir string) (n int64, ok bool) {
	var stat unix.Stat_t
	if unix.Stat(dir, &stat) != nil {
		return 0, false
	}
	line, err := os.ReadFile(fmt.Sprintf("/sys/dev/block/%d:%d/stat", unix.Major(stat.Dev), unix.Minor(stat.Dev)))
	fields := strings.Fields(string(line))
	if err != nil || len(fields) < 7 {
		return 0, false
	}
	sectors, err := strconv.ParseInt(fields[6], 10, 64)
	return sectors * 512, err == nil
}
