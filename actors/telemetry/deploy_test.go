package telemetry

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const deployed = "../../deploy/observability"

var (
	// selector is a metric with what is asked of its labels; by is what series are grouped by.
	selector = regexp.MustCompile(`\b(troupe_[a-z0-9_]+)(?:\{([^}]*)\})?`)
	label    = regexp.MustCompile(`([a-z_]+)(?:!=|=~|=)`)
	by       = regexp.MustCompile(`\bby \(([^)]*)\)`)
	values   = regexp.MustCompile(`label_values\((troupe_[a-z0-9_]+), (\w+)\)`)
)

// scraped are labels that Prometheus and its text format add.
var scraped = []string{"instance", "job", "le"}

// TestDashboardsAndRulesKnowTheMetrics: what is asked of Prometheus is a metric that there is, by
// labels that it has.
func TestDashboardsAndRulesKnowTheMetrics(t *testing.T) {
	all := make(map[string][]string)
	var labels []string
	for _, f := range families(nil) {
		all[f.name] = slices.Concat(f.labels, scraped)
		labels = append(labels, all[f.name]...)
		if f.kind == histogram {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				all[f.name+suffix] = all[f.name]
			}
		}
	}
	files, _ := filepath.Glob(deployed + "/dashboards/*.json")
	asked := 0
	for _, file := range append(files, deployed+"/rules.yml") {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), `\"`, `"`)
		for _, m := range selector.FindAllStringSubmatch(text, -1) {
			asked++
			has, ok := all[m[1]]
			if !ok {
				t.Errorf("%s asks for %s, which is no metric", file, m[1])
			}
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				if ok && !slices.Contains(has, l[1]) {
					t.Errorf("%s asks for %s by %s, which it does not have", file, m[1], l[1])
				}
			}
		}
		for _, m := range values.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(all[m[1]], m[2]) {
				t.Errorf("%s offers the values of %s of %s, which it does not have", file, m[2], m[1])
			}
		}
		for _, m := range by.FindAllStringSubmatch(text, -1) {
			for _, l := range strings.Split(m[1], ", ") {
				if !slices.Contains(labels, l) {
					t.Errorf("%s groups by %s, which no metric has", file, l)
				}
			}
		}
	}
	if len(files) != 6 || asked < 90 {
		t.Errorf("%d dashboards, %d metrics asked for: the test does not see what it is to check", len(files), asked)
	}
}
