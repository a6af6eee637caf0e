package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
)

// compared is a figure with the medians of all contestants.
type compared struct {
	figure
	row    string
	median map[string]float64 // by contestant
	runs   map[string]int
}

// ratio is what Troupe's figure is of another's; 0 if one of them is missing.
func (c *compared) ratio(to string) float64 {
	if c.median[to] == 0 {
		return 0
	}
	return c.median[troupeName] / c.median[to]
}

// compared returns all figures that somebody has, in the order of the rows.
func (d *Duel) compared() []*compared {
	var all []*compared
	for _, r := range allRows() {
		samples := map[string][]*Sample{}
		for _, h := range d.Heats {
			for _, t := range h.Turns {
				if s := t.Samples[r.name]; s != nil {
					samples[t.Contestant] = append(samples[t.Contestant], s)
				}
			}
		}
		if len(samples) == 0 {
			continue
		}
		for _, f := range r.read {
			c := &compared{figure: f, row: r.name, median: map[string]float64{}, runs: map[string]int{}}
			for name, runs := range samples {
				c.median[name], c.runs[name] = median(runs, f.of), len(runs)
			}
			all = append(all, c)
		}
	}
	return all
}

// verdicts tell of each goal of a figure whether it is reached.
func (d *Duel) verdicts(c *compared, all []*compared) string {
	var words []string
	have, ok := c.median[troupeName]
	if !ok {
		return ""
	}
	for _, g := range c.goals {
		bound := g.factor
		what := fmt.Sprintf("%g %s", g.factor, c.unit)
		if g.of != "" {
			of, ok := c.median[g.of]
			if !ok {
				of, ok = ownOf(all, g.of)
			}
			if !ok {
				continue
			}
			bound *= of
			what = fmt.Sprintf("%g× %s", g.factor, g.of)
		}
		sign, met := "≤", have <= bound
		if c.higher {
			sign, met = "≥", have >= bound
		}
		verdict := "missed"
		if met {
			verdict = "reached"
		}
		words = append(words, fmt.Sprintf("%s %s %s", sign, what, verdict))
	}
	return strings.Join(words, "; ")
}

// ownOf returns Troupe's figure of that title.
func ownOf(all []*compared, title string) (float64, bool) {
	for _, c := range all {
		if c.title == title {
			v, ok := c.median[troupeName]
			return v, ok
		}
	}
	return 0, false
}

// print writes the comparison for people.
func (d *Duel) print(w io.Writer) {
	if len(d.Heats) == 0 {
		return
	}
	m := d.Machine
	fmt.Fprintf(w, "%s, %d cores, %s, Linux %s, %s\n", m.CPU, m.Cores, m.Memory, m.Kernel, m.FileSystem)
	for _, name := range slices.Sorted(maps.Keys(d.Versions)) {
		fmt.Fprintf(w, "%s %s; ", name, d.Versions[name])
	}
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(d.Settings)) {
		fmt.Fprintf(w, "%s: %s\n", name, d.Settings[name])
	}
	fmt.Fprintf(w, "raw, medians over %d heats: append + fdatasync of 16 KiB %.2f ms, of 1 MiB %.0f MiB/s; loopback round trip %.3f ms\n\n", len(d.Heats),
		d.raw(func(r *Raw) float64 { return r.Disk[0].Latency.P50 }), d.raw(func(r *Raw) float64 { return r.Disk[2].MiBs }),
		d.raw(func(r *Raw) float64 { return r.Loopback.P50 }))
	t := table(w)
	fmt.Fprintf(t, "\t%s\t%s\t%s\tof %s\tof %s\truns\t\t\n", kafkaName, flushedName, troupeName, kafkaName, flushedName)
	all := d.compared()
	for _, c := range all {
		fmt.Fprintf(t, "%s, %s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t\n", c.title, c.unit, c.show(kafkaName), c.show(flushedName), c.show(troupeName),
			share(c.ratio(kafkaName)), share(c.ratio(flushedName)), c.runs[troupeName], d.verdicts(c, all))
	}
	t.Flush()
}

// raw is the median of something of the machine over all heats.
func (d *Duel) raw(of func(*Raw) float64) float64 {
	var values []float64
	for _, h := range d.Heats {
		values = append(values, of(&h.Raw))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (c *compared) show(name string) string {
	v, ok := c.median[name]
	switch {
	case !ok:
		return "–"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func share(ratio float64) string {
	if ratio == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f×", ratio)
}

// javaVersion returns what Kafka runs on.
func javaVersion(ctx context.Context) string {
	out, _ := exec.CommandContext(ctx, "java", "-version").CombinedOutput()
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(line)
}
