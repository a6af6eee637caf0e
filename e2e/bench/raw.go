package main

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Raw is what the machine does without us, in the same minutes: the measure of everything else.
type Raw struct {
	Disk     []RawDisk `json:"append_fdatasync"`
	Loopback Latency   `json:"loopback_round_trip_ms"` // 1 KiB there, 64 bytes back, over TCP
}

// RawDisk is appending to one growing file, and a sync after every append.
type RawDisk struct {
	Bytes   int     `json:"bytes"`
	MiBs    float64 `json:"mib_per_second"`
	Latency Latency `json:"latency_ms"`
}

const rawFor = 1500 * time.Millisecond

func measureRaw(ctx context.Context, dir string) (raw Raw, err error) {
	for _, size := range []int{16 << 10, 256 << 10, 1 << 20} {
		d, err := appendAndSync(ctx, dir, size)
		if err != nil {
			return raw, err
		}
		raw.Disk = append(raw.Disk, d)
	}
	raw.Loopback, err = roundTrips(ctx)
	return raw, err
}

// appendAndSync appends to a file for a while, as a broker with a plain log would.
func appendAndSync(ctx context.Context, dir string, size int) (d RawDisk, err error) {
	f, err := os.CreateTemp(dir, "troupe-bench-raw-")
	if err != nil {
		return d, err
	}
	defer os.Remove(filepath.Clean(f.Name()))
	defer f.Close()
	block := make([]byte, size)
	rand.NewChaCha8([32]byte{}).Read(block)
	var took []time.Duration
	begin := time.Now()
	for time.Since(begin) < rawFor && ctx.Err() == nil {
		t := time.Now()
		if _, err := f.Write(block); err != nil {
			return d, err
		}
		if err := datasync(f); err != nil {
			return d, err
		}
		took = append(took, time.Since(t))
	}
	seconds := time.Since(begin).Seconds()
	return RawDisk{Bytes: size, MiBs: float64(len(took)*size) / mib / seconds, Latency: *latencyOf(took)}, ctx.Err()
}

// roundTrips sends a record's worth over loopback and waits for an answer's, again and again.
func roundTrips(ctx context.Context) (l Latency, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return l, err
	}
	defer listener.Close()
	go answer(listener)
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return l, err
	}
	defer c.Close()
	out, in := make([]byte, 1024), make([]byte, 64)
	var took []time.Duration
	for begin := time.Now(); time.Since(begin) < rawFor && ctx.Err() == nil; {
		t := time.Now()
		if _, err := c.Write(out); err != nil {
			return l, err
		}
		if _, err := io.ReadFull(c, in); err != nil {
			return l, err
		}
		took = append(took, time.Since(t))
	}
	return *latencyOf(took), ctx.Err()
}

func answer(l net.Listener) {
	c, err := l.Accept()
	if err != nil {
		return
	}
	defer c.Close()
	in, out := make([]byte, 1024), make([]byte, 64)
	for {
		if _, err := io.ReadFull(c, in); err != nil {
			return
		}
		if _, err := c.Write(out); err != nil {
			return
		}
	}
}
