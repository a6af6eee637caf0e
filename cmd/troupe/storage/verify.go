// Package storage is the command `troupe storage`: it reads what a node holds and tells what that
// proves.
package storage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/troupe-mq/troupe/actors/web"
	store "github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/badger"
)

// ErrDamaged is returned when something is not what was written.
var ErrDamaged = errors.New("something on this disk is not what was written")

// Stopped verifies the data directory of a node that does not run. It writes nothing there: what is
// damaged stays as it is, for whoever looks next.
func Stopped(ctx context.Context, dir string, r *Report) error {
	at := filepath.Join(dir, "store")
	if _, err := os.Stat(at); err != nil {
		return fmt.Errorf("%s is not the data directory of a node: %w", dir, err)
	}
	for _, e := range badger.EvidenceOf(at) {
		fmt.Fprintf(r.Out, "set aside on %s, nothing of it is used: %s, %s: %s\n", e.At.UTC().Format(time.DateTime), e.Dir, size(e.Bytes), e.Cause)
	}
	s, err := badger.Inspect(at)
	if u := (*store.Unreadable)(nil); errors.As(err, &u) {
		fmt.Fprintf(r.Out, "the store: DAMAGED\n  %v\n", u.Cause)
		return fmt.Errorf("%w: a node of a cluster sets such a store aside when it starts, if the others can do without it, and is filled anew", ErrDamaged)
	}
	if err != nil {
		return fmt.Errorf("%w: if a node runs on it, ask that node with --address", err)
	}
	for _, m := range s.Mended() {
		fmt.Fprintf(r.Out, "a start of the node mends this: %s\n", m)
	}
	err = store.Verify(ctx, s, r.take)
	end := web.EndOf(s)
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return r.end(end)
}

// Running has a running node verify its own data.
func Running(ctx context.Context, address string, r *Report) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/debug/storage", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("ask the node at %s (its metrics.listen): %w", address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 1000))
		return fmt.Errorf("the node at %s: %s: %s", address, answer.Status, text)
	}
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l web.Line
		switch err := json.Unmarshal(lines.Bytes(), &l); {
		case err != nil:
			return fmt.Errorf("the node at %s answers %.100q: %w", address, lines.Bytes(), err)
		case l.Error != "":
			return fmt.Errorf("the node at %s: %s", address, l.Error)
		case l.End != nil:
			return r.end(*l.End)
		}
		r.take(l.Verified)
	}
	return errors.Join(fmt.Errorf("the node at %s stopped before it was done", address), lines.Err())
}

// reportEvery is how often long work tells how far it is.
const reportEvery = 2 * time.Second

// Report prints what was proved to Out, and how far that is to Progress.
type Report struct {
	Out, Progress io.Writer

	replicas, damaged int
	entries           uint64
	bytes             int64
	told              time.Time
}

func (r *Report) take(v store.Verified) {
	if r.told.IsZero() {
		r.told = time.Now()
	}
	if p := v.Proof; p != nil {
		r.proof(p)
	}
	if time.Since(r.told) > reportEvery {
		fmt.Fprintf(r.Progress, "%d of %d replicas, %s read\n", v.Replicas, v.Of, size(v.Bytes))
		r.told = time.Now()
	}
}

func (r *Report) proof(p *store.Proof) {
	r.replicas++
	name := fmt.Sprintf("replica %d", p.Replica)
	if p.Shard != 0 {
		name += fmt.Sprintf(" of shard %d", p.Shard)
	}
	if p.Last+1 > p.First {
		r.entries += p.Last + 1 - p.First
	}
	r.bytes += p.Bytes
	switch {
	case p.Whole() && p.Last < p.First:
		fmt.Fprintf(r.Out, "%s: an empty log behind entry %d, checkpoint at %d: whole\n", name, p.Last, p.Checkpoint)
	case p.Whole():
		fmt.Fprintf(r.Out, "%s: entries %d to %d, %s, checkpoint at %d: whole\n", name, p.First, p.Last, size(p.Bytes), p.Checkpoint)
	default:
		r.damaged++
		fmt.Fprintf(r.Out, "%s: DAMAGED\n", name)
		for _, d := range p.Damage {
			fmt.Fprintf(r.Out, "  %s\n", d)
		}
	}
}

func (r *Report) end(e web.End) error {
	floor := fmt.Sprintf("the store had to reach transaction %d when it was opened and is at %d", e.Floor, e.Reached)
	if e.Floor == 0 {
		floor = fmt.Sprintf("how far the store had to reach was not known when it was opened; it is at transaction %d", e.Reached)
	}
	fmt.Fprintf(r.Out, "%d replicas, %d entries, %s read and compared with length and checksum; %s\n", r.replicas, r.entries, size(r.bytes), floor)
	if r.damaged > 0 {
		return fmt.Errorf("%w: %d of %d replicas are damaged and take no part until they are replaced", ErrDamaged, r.damaged, r.replicas)
	}
	return nil
}

// size writes bytes for people.
func size(n int64) string {
	for _, u := range []struct {
		of   int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.of {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(u.of), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
