//go:build observe

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"gopkg.in/yaml.v3"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/history"
	"github.com/troupe-mq/troupe/e2e/load"
	"github.com/troupe-mq/troupe/e2e/otlp"
)

// deployed is where the dashboards, rules and configurations are.
func deployed(t *testing.T, name string) (path, text string) {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(root, "deploy", "observability", name)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(b)
}

// tool is a program that task observe:tools built.
func tool(t *testing.T, name string) string {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, ".task", "bin", name)
}

// beside runs a program until the test ends, its output in a file that it returns.
func beside(t *testing.T, dir, name string, args ...string) (log string) {
	t.Helper()
	log = filepath.Join(dir, filepath.Base(name)+".log")
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr = f, f
	if err := c.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait(); f.Close() })
	return log
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// prometheus is a running Prometheus.
type prometheus struct{ address string }

// startPrometheus scrapes the cluster every second by the configuration and the rules that are
// shipped.
func startPrometheus(t *testing.T, c *cluster.Cluster, dir string) *prometheus {
	t.Helper()
	var targets []string
	for _, n := range c.Nodes {
		targets = append(targets, "'"+n.MetricsAddr()+"'")
	}
	_, config := deployed(t, "prometheus.yml")
	rules, _ := deployed(t, "rules.yml")
	config = regexp.MustCompile(`targets: \[.*\]`).ReplaceAllString(config, "targets: ["+strings.Join(targets, ", ")+"]")
	config = strings.NewReplacer("5s", "1s", "rules.yml", rules).Replace(config)
	file := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, check := range [][]string{{"check", "config", file}, {"check", "rules", rules}} {
		out, err := exec.Command(tool(t, "promtool"), check...).CombinedOutput()
		if err != nil {
			t.Fatalf("promtool %v: %v\n%s", check, err, out)
		}
		t.Logf("promtool %s: %s", strings.Join(check[:2], " "), strings.TrimSpace(string(out)))
	}
	p := &prometheus{freeAddress(t)}
	beside(t, dir, tool(t, "prometheus"), "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "tsdb"), "--web.listen-address="+p.address)
	return p
}

// query returns how many series an expression has now.
func (p *prometheus) query(ctx context.Context, expr string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/api/v1/query?"+url.Values{"query": {expr}}.Encode(), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var answer struct {
		Status, Error string
		Data          struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return 0, err
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	return len(answer.Data.Result), nil
}

// queries are the expressions of all panels and their variables, rules and alerts, alerts without
// what they compare with.
func queries(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	dir, _ := deployed(t, "rules.yml")
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), "dashboards", "*.json"))
	if len(files) != 6 {
		t.Fatalf("%d dashboards, want 6", len(files))
	}
	values := regexp.MustCompile(`label_values\((\w+), (\w+)\)`)
	for _, f := range files {
		_, text := deployed(t, "dashboards/"+filepath.Base(f))
		var board struct {
			Title  string
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
			Templating struct {
				List []struct {
					Name  string
					Query any
				}
			}
		}
		if err := json.Unmarshal([]byte(text), &board); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, v := range board.Templating.List {
			if m := values.FindStringSubmatch(fmt.Sprint(v.Query)); m != nil {
				all[board.Title+" / variable "+v.Name] = fmt.Sprintf("count by (%[2]s) (%[1]s{%[2]s!=''})", m[1], m[2])
			}
		}
		for _, p := range board.Panels {
			for i, q := range p.Targets {
				all[fmt.Sprintf("%s / %s / %d", board.Title, p.Title, i)] = strings.NewReplacer("$__rate_interval", "20s", "$topic", ".*", "$group", ".*", "$node", ".*").Replace(q.Expr)
			}
		}
	}
	_, text := deployed(t, "rules.yml")
	var rules struct {
		Groups []struct {
			Rules []struct{ Record, Alert, Expr string }
		}
	}
	if err := yaml.Unmarshal([]byte(text), &rules); err != nil {
		t.Fatal(err)
	}
	compared := regexp.MustCompile(` (==|<|>) [0-9.]+$`)
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			all["rule "+r.Record+r.Alert] = compared.ReplaceAllString(r.Expr, "")
		}
	}
	return all
}

// TestObserve runs what an operator would run: Prometheus, a collector, a cluster under load; then
// a node dies and comes back.
func TestObserve(t *testing.T) {
	dir := t.TempDir()
	receiver := freeAddress(t)
	_, config := deployed(t, "collector.yaml")
	config = strings.NewReplacer("127.0.0.1:4317", receiver, "127.0.0.1:4318", freeAddress(t)).Replace(config)
	file := filepath.Join(dir, "collector.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	collected := beside(t, dir, tool(t, "collector"), "--config", file)
	c := cluster.New(t, 3)
	for _, n := range c.Nodes {
		n.Args("--otlp.endpoint", "http://"+receiver, "--otlp.metrics.interval", "2s")
		n.Start()
	}
	c.WaitReady()
	p := startPrometheus(t, c, dir)
	c.CreateTopic("observed", 3, 3)
	cluster.Eventually(t, 30*time.Second, "the cluster is healthy", func(ctx context.Context) error {
		status, err := c.Node(1).Get(ctx, "/admin/status")
		if err == nil && !strings.Contains(string(status), `"healthy": true`) {
			err = fmt.Errorf("%s", status)
		}
		return err
	})
	screenshot(t, c.Node(1), "statusz-healthy.png")
	rec := history.NewRecorder()
	producers := load.Start(t, c, rec, load.Config{Topic: "observed", Partitions: 3})
	group := load.StartGroup(t, c, rec, load.GroupConfig{Group: "observers", Topic: "observed", Members: 2})
	group.Wait(50, 60*time.Second)
	for range 4 { // more than a snapshot's distance
		produce(t, c.Client(kgo.ProducerBatchCompression(kgo.NoCompression())), &kgo.Record{Topic: "observed", Value: make([]byte, 900<<10)})
	}
	all := queries(t)
	for name, q := range all {
		cluster.Eventually(t, 60*time.Second, name, func(ctx context.Context) error {
			n, err := p.query(ctx, q)
			if err == nil && n == 0 {
				err = fmt.Errorf("no data: %s", q)
			}
			return err
		})
	}
	t.Logf("all %d queries of panels, rules and alerts return data", len(all))
	traced(t, c, collected)

	alert := `ALERTS{alertname="TroupeNodeDown", alertstate="firing"}`
	fires := func(want int) {
		t.Helper()
		cluster.Eventually(t, 90*time.Second, alert, func(ctx context.Context) error {
			n, err := p.query(ctx, alert)
			if err == nil && n != want {
				err = fmt.Errorf("%d alerts, want %d", n, want)
			}
			return err
		})
	}
	fires(0)
	c.Node(3).Kill()
	killed := time.Now()
	fires(1)
	t.Logf("TroupeNodeDown fires %s after the kill", time.Since(killed).Round(time.Second))
	screenshot(t, c.Node(1), "statusz-dead-node.png")
	c.Node(3).Restart()
	back := time.Now()
	fires(0)
	t.Logf("it clears %s after the return", time.Since(back).Round(time.Second))
	producers.StopClean(60 * time.Second)
	group.WaitAll(rec, 60*time.Second)
	group.Stop()
}

// traced sends one traced record, fetches it, and finds the whole trace in what the collector
// wrote.
func traced(t *testing.T, c *cluster.Cluster, log string) {
	t.Helper()
	c.CreateTopicAt("single", []int32{1, 2, 3})
	trace, span, header := traceparent(true)
	begin := time.Now()
	produce(t, c.Client(manual()), &kgo.Record{Topic: "single", Value: []byte("one"), Headers: []kgo.RecordHeader{header}})
	took := time.Since(begin)
	consumer := c.Client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{"single": {0: kgo.NewOffset().At(0)}}))
	if got := consumer.PollFetches(within(t, 10*time.Second)).Records(); len(got) != 1 {
		t.Fatalf("fetched %v", got)
	}
	var got otlp.Trace
	cluster.Eventually(t, 30*time.Second, "the collector wrote the trace", func(context.Context) error {
		got = readTrace(t, log, trace)
		if len(got.Named("fetch")) != 1 || len(got.Named("replicate")) != 2 || len(got.Named("produce")) != 1 {
			return fmt.Errorf("%d spans", len(got))
		}
		return nil
	})
	var tree strings.Builder
	got.Print(&tree)
	root := got.Named("produce")[0]
	t.Logf("the client waited %.3f ms; the collector got %d spans from nodes %v, %.1f %% of the request within them\n%s",
		float64(took.Microseconds())/1000, len(got), got.Nodes(), 100*got.Covered(root), &tree)
	if len(got) < 8 || !slices.Equal(got.Nodes(), []string{"1", "2", "3"}) || root.Parent != span || got.Covered(root) < 0.95 {
		t.Errorf("want 8 spans at least from three nodes below %s, covering 95 %%", span)
	}
}

// readTrace reads a trace from the log of the collector's debug exporter.
func readTrace(t *testing.T, log, id string) (all otlp.Trace) {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var node string
	var s otlp.Span
	keep := func() {
		if s.Trace == id {
			all = append(all, s)
		}
		s = otlp.Span{Node: node, Attributes: map[string]string{}}
	}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	attribute := regexp.MustCompile(`-> ([\w.]+): (?:Str|Int)\((.*)\)`)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if m := attribute.FindStringSubmatch(line); m != nil {
			if m[1] == "troupe.node.id" {
				keep()
				node = m[2]
			} else if s.Attributes != nil {
				s.Attributes[m[1]] = m[2]
			}
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); !ok {
			continue
		}
		switch strings.TrimSpace(name) {
		case "Trace ID":
			keep()
			s.Trace, s.Node = value, node
		case "Parent ID":
			s.Parent = value
		case "ID":
			s.ID = value
		case "Name":
			s.Name = value
		case "Start time":
			s.Begin, _ = time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", value)
		case "End time":
			s.End, _ = time.Parse("2006-01-02 15:04:05.999999999 -0700 MST", value)
		}
	}
	keep()
	slices.SortFunc(all, func(a, b otlp.Span) int { return a.Begin.Compare(b.Begin) })
	return all
}

// screenshot shows /statusz in a real browser, if SHOTS names a directory for pictures.
func screenshot(t *testing.T, n *cluster.Node, name string) {
	t.Helper()
	dir := os.Getenv("SHOTS")
	if dir == "" {
		return
	}
	out, err := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1150,820",
		"--screenshot="+filepath.Join(dir, name), "http://"+n.MetricsAddr()+"/statusz").CombinedOutput()
	if err != nil {
		t.Errorf("chromium: %v\n%s", err, out)
	}
}
