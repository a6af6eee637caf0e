//go:build with_tla

package sim

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	etcd "go.etcd.io/raft/v3"

	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// line is a line of a trace as tla/Traceetcdraft.tla of etcd/raft reads it.
type line struct {
	Tag   string             `json:"tag"`
	Event *etcd.TracingEvent `json:"event"`
}

// TestTLATrace runs a world and writes what the replicas of one partition did as a trace for etcd/raft's TLA+ specification (go test -artifacts keeps
// it). All of it is in one order, for one goroutine did it.
func TestTLATrace(t *testing.T) {
	shard := metadata.FirstShard
	path := filepath.Join(t.ArtifactDir(), "partition.ndjson")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(out)
	lines := json.NewEncoder(w)
	raft.Trace = func(s storage.ShardID, e *etcd.TracingEvent) {
		if s == shard {
			if err := lines.Encode(line{"trace", e}); err != nil {
				t.Error(err)
			}
		}
	}
	defer func() { raft.Trace = nil }()
	r := Run(Options{Seed: 1, For: 30 * time.Second})
	if len(r.Violations) > 0 {
		t.Errorf("%v", r.Violations)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	checkTrace(t, path)
}

// checkTrace holds the file to the form that the specification reads: which fields there are, and that a life of a replica begins with InitState.
func checkTrace(t *testing.T, path string) {
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	names, nodes := map[string]int{}, map[string]bool{}
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
		names[name]++
	}
	for _, name := range []string{"InitState", "BecomeFollower", "BecomeCandidate", "BecomeLeader", "Replicate", "Commit", "Ready",
		"SendAppendEntriesRequest", "ReceiveAppendEntriesRequest", "SendAppendEntriesResponse", "ReceiveAppendEntriesResponse",
		"SendRequestVoteRequest", "ReceiveRequestVoteRequest", "SendRequestVoteResponse", "ReceiveRequestVoteResponse"} {
		if names[name] == 0 {
			t.Errorf("the trace has no %s", name)
		}
	}
	if len(nodes) != 3 {
		t.Errorf("%d replicas in the trace, want 3", len(nodes))
	}
	t.Logf("%s: %v", path, names)
}
