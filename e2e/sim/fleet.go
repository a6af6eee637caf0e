package sim

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fleet runs many seeds in several processes, for in one process one world runs at a time.
type Fleet struct {
	Options Options       // of every run; Seed is the first
	Seeds   uint64        // how many, 0 for as many as Hours take
	Hours   float64       // simulated; with Seeds, whichever comes first
	Jobs    int           // processes at once
	Tries   int           // runs that are spent on making a failing seed small
	Every   time.Duration // between two lines of progress; 10 s by default
	Out     io.Writer
	// Worker is the command that runs `step` seeds apart from a first one on and writes Results, one a
	// line, until it is killed.
	Worker func(ctx context.Context, first, step uint64) *exec.Cmd
}

// Result is what a worker tells of a seed. JSON on its standard output.
type Result struct {
	Seed       uint64
	World      string
	Hash       string
	Simulated  time.Duration
	Events     uint64
	Acked      int
	Violations []string
}

func resultOf(r Report) Result {
	out := Result{Seed: r.Seed, World: r.World, Hash: fmt.Sprintf("%016x", r.Hash), Simulated: r.Simulated, Events: r.Events, Acked: r.Acked}
	for _, v := range r.Violations {
		out.Violations = append(out.Violations, v.String())
	}
	return out
}

// Work runs seeds and writes their Results, until writing fails.
func Work(o Options, step uint64, out io.Writer) error {
	for ; ; o.Seed += step {
		line, err := json.Marshal(resultOf(Run(o)))
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", line); err != nil {
			return err
		}
	}
}

// Sum is what a fleet came to.
type Sum struct {
	Seeds     uint64
	Simulated time.Duration
	Took      time.Duration
	Events    uint64
	Acked     int
	Failed    []Result
}

// String says it in a line.
func (s Sum) String() string {
	return fmt.Sprintf("%d seeds, %.2f simulated hours in %s (%.1f simulated hours a minute), %d events, %d records acknowledged, %d violations",
		s.Seeds, s.Simulated.Hours(), s.Took.Round(time.Second), Rate(s.Simulated, s.Took), s.Events, s.Acked, len(s.Failed))
}

func (s Sum) enough(f *Fleet) bool {
	return f.Seeds > 0 && s.Seeds >= f.Seeds || f.Hours > 0 && s.Simulated.Hours() >= f.Hours
}

// Run runs the fleet and tells the story of the first seed that failed, made small.
func (f *Fleet) Run(ctx context.Context) (Sum, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan Result)
	failed := make(chan error, f.Jobs)
	var workers sync.WaitGroup
	for i := range uint64(f.Jobs) {
		workers.Go(func() { failed <- f.work(ctx, f.Options.Seed+i, results) })
	}
	sum, err := f.gather(ctx, results, failed)
	cancel()
	workers.Wait()
	fmt.Fprintln(f.Out, sum)
	if len(sum.Failed) > 0 {
		f.tell(sum.Failed[0].Seed)
	}
	return sum, err
}

// work runs one worker.
func (f *Fleet) work(ctx context.Context, first uint64, results chan<- Result) error {
	c := f.Worker(ctx, first, uint64(f.Jobs))
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	var complaint strings.Builder
	c.Stderr = &complaint
	if err := c.Start(); err != nil {
		return fmt.Errorf("start a worker: %w", err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var r Result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			continue
		}
		select {
		case results <- r:
		case <-ctx.Done():
		}
	}
	err = c.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("a worker ended: %v: %s", err, complaint.String())
}

// gather takes results until there are enough.
func (f *Fleet) gather(ctx context.Context, results <-chan Result, failed <-chan error) (Sum, error) {
	var sum Sum
	began := time.Now()
	every := f.Every
	if every == 0 {
		every = 10 * time.Second
	}
	progress := time.NewTicker(every)
	defer progress.Stop()
	for !sum.enough(f) {
		select {
		case r := <-results:
			sum.add(r)
			if len(r.Violations) > 0 {
				fmt.Fprintf(f.Out, "seed %d (%s): %s\n", r.Seed, r.World, strings.Join(r.Violations, "; "))
			}
		case <-progress.C:
			sum.Took = time.Since(began)
			fmt.Fprintln(f.Out, sum)
		case err := <-failed:
			sum.Took = time.Since(began)
			return sum, err
		case <-ctx.Done():
			sum.Took = time.Since(began)
			return sum, nil
		}
	}
	sum.Took = time.Since(began)
	return sum, nil
}

func (s *Sum) add(r Result) {
	s.Seeds++
	s.Simulated += r.Simulated
	s.Events += r.Events
	s.Acked += r.Acked
	if len(r.Violations) > 0 {
		s.Failed = append(s.Failed, r)
	}
}

// tell makes a failing seed small and writes its story.
func (f *Fleet) tell(seed uint64) {
	o := f.Options
	o.Seed = seed
	Tell(f.Out, o, f.Tries)
}

// Tell runs a seed; if it fails, it makes it small and writes the story of what is left. It returns
// what the seed itself came to.
func Tell(out io.Writer, o Options, tries int) Report {
	r := Run(o)
	if len(r.Violations) == 0 {
		return r
	}
	fmt.Fprintf(out, "seed %d fails: %v\nlooking for the smallest run that fails so (%d tries)\n", o.Seed, r.Violations[0], tries)
	small, told := Minimise(o, r, tries)
	for _, line := range told.Story {
		fmt.Fprintln(out, line)
	}
	fmt.Fprintf(out, "of %d faults and clients these are left:\n", len(r.parts()))
	for _, f := range told.Plan {
		if !contains(small.Without, f.Number) {
			fmt.Fprintf(out, "  %s\n", f)
		}
	}
	for i, name := range told.Clients {
		if !contains(small.Without, -1-i) {
			fmt.Fprintf(out, "  #%d client %s\n", -1-i, name)
		}
	}
	again := fmt.Sprintf("--world %s --for %s", told.World, told.For)
	if o.Operations > 0 {
		again = fmt.Sprintf("--operations %d", o.Operations)
	}
	fmt.Fprintf(out, "again: --seed %d --nodes %d %s --without %s --story\n", o.Seed, told.Nodes, again, numbers(small.Without))
	return r
}

func contains(all []int, n int) bool {
	for _, x := range all {
		if x == n {
			return true
		}
	}
	return false
}

func numbers(all []int) string {
	text := make([]string, len(all))
	for i, n := range all {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, ",")
}
