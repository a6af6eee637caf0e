//go:build with_tla

package sim

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	etcd "go.etcd.io/raft/v3"

	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// TLC is the environment variable with the class path of TLC (tla2tools.jar and
// CommunityModules-deps.jar). Without it traces are written and not validated.
const TLC = "TLC"

// Of each trace so many events are kept, of so many seeds: TLC takes a minute for a thousand.
const (
	tracedEvents = 1600
	tracedSeeds  = 12
)

// traceLine is a line of a trace as tla/Traceetcdraft.tla of etcd/raft reads it.
type traceLine struct {
	Tag   string             `json:"tag"`
	Event *etcd.TracingEvent `json:"event"`
}

// TestTLATraces runs worlds, writes what the replicas of one partition did as traces for
// etcd/raft's TLA+ specification (go test -artifacts keeps them), and has TLC validate them. All of
// a trace is in one order, for one goroutine did it.
func TestTLATraces(t *testing.T) {
	names := map[string]int{}
	for seed := range uint64(tracedSeeds) {
		events := traced(t, seed+1)
		for _, e := range events {
			names[e.Event.Name]++
		}
		path := filepath.Join(t.ArtifactDir(), fmt.Sprintf("partition-%d.ndjson", seed+1))
		write(t, path, events)
		checkTrace(t, path)
		if tools := os.Getenv(TLC); tools == "" {
			t.Logf("%s is written and not validated: %s=tla2tools.jar:CommunityModules-deps.jar has TLC do it", path, TLC)
		} else if err := validate(t, tools, path); err != nil {
			t.Error(err)
		} else {
			t.Logf("%s: %d events, validated", path, len(events))
		}
	}
	for _, name := range []string{"InitState", "BecomeFollower", "BecomeCandidate", "BecomeLeader", "Replicate", "Commit", "Ready",
		"SendAppendEntriesRequest", "ReceiveAppendEntriesRequest", "SendAppendEntriesResponse", "ReceiveAppendEntriesResponse",
		"SendRequestVoteRequest", "ReceiveRequestVoteRequest", "SendRequestVoteResponse", "ReceiveRequestVoteResponse"} {
		if names[name] == 0 {
			t.Errorf("no trace has a %s", name)
		}
	}
	if names["InitState"] <= 3*tracedSeeds || names["BecomeLeader"] <= tracedSeeds {
		t.Errorf("nobody restarted, or nobody was elected twice: %v", names)
	}
	t.Logf("%d seeds: %v", tracedSeeds, names)
}

// traced returns what happened in a world.
func traced(t *testing.T, seed uint64) []traceLine {
	t.Helper()
	var all []traceLine
	raft.Trace = func(s storage.ShardID, e *etcd.TracingEvent) {
		if s == metadata.FirstShard {
			all = append(all, traceLine{"trace", e})
		}
	}
	defer func() { raft.Trace = nil }()
	if r := Run(Options{Seed: seed, For: 6 * time.Second}); len(r.Violations) > 0 {
		t.Errorf("seed %d: %v", seed, r.Violations)
	}
	return translated(all)
}

// translated tells a trace in the specification's words. A pre-candidate is a follower there; a
// restart is one step there, where the hook tells of three (a blank replica, its members, its
// state); changes by joint consensus, and the snapshots that come with them, are not in it: the
// trace ends before the first, or before a fourth replica begins.
func translated(all []traceLine) (out []traceLine) {
	seen, restarting := map[string]bool{}, map[string]bool{}
	for _, e := range all {
		node := e.Event.NodeID
		if e.Event.Role == etcd.StatePreCandidate.String() {
			e.Event.Role = etcd.StateFollower.String()
		}
		switch {
		case e.Event.Name == "ChangeConf" || e.Event.Message != nil && e.Event.Message.Type == "MsgSnap" || !seen[node] && len(seen) == 3 || len(out) == tracedEvents:
			return out
		case e.Event.Name == "InitState" && seen[node]:
			restarting[node] = true
			continue
		case restarting[node] && e.Event.Name == "ApplyConfChange":
			continue
		case restarting[node]:
			e.Event.Name = "InitState"
			delete(restarting, node)
		}
		seen[node] = true
		out = append(out, e)
	}
	return out
}

func write(t *testing.T, path string, events []traceLine) {
	t.Helper()
	var b bytes.Buffer
	lines := json.NewEncoder(&b)
	for _, e := range events {
		if err := lines.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTLCRefusesWhatIsWrong shows that validation can fail: a follower that acknowledges an entry
// it was never sent.
func TestTLCRefusesWhatIsWrong(t *testing.T) {
	tools := os.Getenv(TLC)
	if tools == "" {
		t.Skipf("%s is not set", TLC)
	}
	events := traced(t, 1)[:200]
	at := slices.IndexFunc(events, func(e traceLine) bool {
		return e.Event.Name == "ReceiveAppendEntriesRequest" && e.Event.Message.EntryLength > 0
	})
	path := filepath.Join(t.ArtifactDir(), "wrong.ndjson")
	write(t, path, slices.Delete(events, at, at+1))
	if err := validate(t, tools, path); err == nil {
		t.Fatal("TLC allows a follower to have an entry that it was not sent")
	}
}

// validate has TLC look whether the specification allows the trace, and whether its invariants hold
// on the way.
func validate(t *testing.T, tools, path string) error {
	t.Helper()
	module, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "go.etcd.io/raft/v3").Output()
	if err != nil {
		t.Fatalf("where is etcd/raft? %v", err)
	}
	dir := t.TempDir()
	for _, from := range []string{filepath.Join(strings.TrimSpace(string(module)), "tla"), "tla"} {
		if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "java", "-XX:+UseParallelGC", "-cp", tools, "tlc2.TLC", "-lncheck", "final", "-metadir", filepath.Join(dir, "states"),
		"-config", "Founded.cfg", "Founded.tla")
	c.Dir, c.Env = dir, append(os.Environ(), "JSON="+path)
	out, err := c.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("No error has been found")) {
		return fmt.Errorf("%s is not what the specification allows: %v\n%s", path, err, out[max(0, len(out)-2000):])
	}
	return nil
}

// checkTrace holds the file to the form that the specification reads: which fields there are, and
// that a life of a replica begins with InitState.
func checkTrace(t *testing.T, path string) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	nodes := map[string]bool{}
	scanner := bufio.NewScanner(in)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var l struct {
			Tag   string                     `json:"tag"`
			Event map[string]json.RawMessage `json:"event"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil || l.Tag != "trace" {
			t.Fatalf("a line that is none: %s (%v)", scanner.Text(), err)
		}
		for _, field := range []string{"name", "nid", "state", "role", "log", "conf"} {
			if l.Event[field] == nil {
				t.Fatalf("no %s in %s", field, scanner.Text())
			}
		}
		var name, node string
		if json.Unmarshal(l.Event["name"], &name) != nil || json.Unmarshal(l.Event["nid"], &node) != nil {
			t.Fatalf("names that are none in %s", scanner.Text())
		}
		if !nodes[node] && name != "InitState" {
			t.Errorf("replica %s begins with %s", node, name)
		}
		if slices.Contains([]string{"SendAppendEntriesRequest", "ReceiveAppendEntriesResponse", "ReceiveRequestVoteRequest"}, name) && l.Event["msg"] == nil {
			t.Fatalf("no message in %s", scanner.Text())
		}
		nodes[node] = true
	}
	if len(nodes) != 3 {
		t.Errorf("%s: %d replicas, want 3", path, len(nodes))
	}
}
