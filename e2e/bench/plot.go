package main

import (
	"fmt"
	"html"
	"math"
	"os"
	"strings"
)

// Sizes of the plot, in pixels.
const (
	plotLabels = 330
	plotBars   = 460
	plotLine   = 34
	plotTop    = 60
)

// plot draws how many times as good Troupe is as each Kafka: one pair of bars a figure, on a
// logarithmic scale around 1. Nothing without a path.
func (d *Duel) plot(path string) error {
	if path == "" {
		return nil
	}
	var shown []*compared
	title := map[*compared]string{}
	head := ""
	for _, c := range d.compared() {
		name := c.title
		if strings.HasPrefix(name, "  ") {
			name = head + ": " + strings.TrimSpace(name)
		} else {
			head, _, _ = strings.Cut(name, ": p")
		}
		if c.ratio(kafkaName) != 0 || c.ratio(flushedName) != 0 {
			shown = append(shown, c)
			title[c] = name
		}
	}
	var b strings.Builder
	height := plotTop + plotLine*len(shown) + 20
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12">`+"\n", plotLabels+plotBars+90, height)
	fmt.Fprintln(&b, `<rect width="100%" height="100%" fill="white"/>`)
	fmt.Fprintf(&b, `<text x="10" y="20" font-size="14" font-weight="bold">Times as good as Apache Kafka %s (right of the line: Troupe is better)</text>`+"\n", html.EscapeString(d.Versions["Apache Kafka"]))
	fmt.Fprintf(&b, `<rect x="10" y="32" width="12" height="10" fill="%s"/><text x="27" y="42">than Kafka's defaults, which sync nothing</text>`+"\n", colours[kafkaName])
	fmt.Fprintf(&b, `<rect x="300" y="32" width="12" height="10" fill="%s"/><text x="317" y="42">than Kafka that flushes every batch</text>`+"\n", colours[flushedName])
	for i, c := range shown {
		y := plotTop + plotLine*i
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", plotLabels-8, y+17, html.EscapeString(title[c]))
		for k, name := range []string{kafkaName, flushedName} {
			drawBar(&b, c, name, y+3+12*k)
		}
	}
	x := plotX(1)
	fmt.Fprintf(&b, `<line x1="%g" y1="%d" x2="%g" y2="%d" stroke="black"/>`+"\n</svg>\n", x, plotTop-6, x, height-14)
	return os.WriteFile(path, []byte(b.String()), 0o644)
}

var colours = map[string]string{kafkaName: "#3b75af", flushedName: "#a9c6e2"}

// plotX places a ratio: 1 in a third of the width, a hundredth at the left edge's beyond, a
// thousand at the right.
func plotX(ratio float64) float64 {
	at := (math.Log10(ratio) + 1) / 4
	return plotLabels + plotBars*min(max(at, 0), 1)
}

func drawBar(b *strings.Builder, c *compared, name string, y int) {
	ratio := c.ratio(name)
	if ratio == 0 {
		return
	}
	if !c.higher {
		ratio = 1 / ratio
	}
	from, to := min(plotX(1), plotX(ratio)), max(plotX(1), plotX(ratio))
	fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="10" fill="%s"/><text x="%.1f" y="%d" font-size="10">%.2f</text>`+"\n",
		from, y, max(to-from, 1), colours[name], to+4, y+9, ratio)
}
