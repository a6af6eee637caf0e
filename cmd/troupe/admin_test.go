package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/recovery"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/actors/web"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// stagedCluster is a cluster of one node that is down, as an operator reaches it.
type stagedCluster struct {
	web.Node
	asked []string
}

func (s *stagedCluster) Health(context.Context) health.Cluster {
	return health.Cluster{ClusterID: "theid", MetaLeader: -1, Nodes: []health.Node{{ID: 7, State: "active"}},
		Problems: []health.Problem{{Kind: health.NodeDown, Node: 7, Partition: "t-0", MS: 61_000, Reason: "it burns"}}}
}

func (s *stagedCluster) MayStop(_ context.Context, n metadata.NodeID) []string {
	if n == 7 {
		return []string{"t-0: its only replica is there"}
	}
	return nil
}

func (s *stagedCluster) Maintain(_ context.Context, n metadata.NodeID, on bool) error {
	s.asked = append(s.asked, fmt.Sprint(n, on))
	if n == 9 {
		return protocol.Errorf(kerr.BrokerIDNotRegistered, "there is no node 9 in the cluster")
	}
	return nil
}

func (s *stagedCluster) PlanRecovery(_ context.Context, lost []metadata.NodeID) (recovery.Plan, error) {
	p := recovery.Plan{ID: "theplan", Lost: lost, Gone: []string{"t-9"}, Intact: 4}
	if len(lost) > 1 {
		p.Steps = []recovery.Step{{Name: "t-0", Node: 1, Replica: 77, Lost: []storage.ReplicaID{78, 79}, Left: 1, Voters: 3, HighWatermark: 123, Uncommitted: 2}}
	}
	return p, nil
}

func (s *stagedCluster) Recover(_ context.Context, lost []metadata.NodeID, plan string) (recovery.Plan, error) {
	s.asked = append(s.asked, fmt.Sprint(lost, plan))
	return recovery.Plan{}, nil
}

func (s *stagedCluster) Topic(_ context.Context, topic string) ([]node.ReplicaStatus, error) {
	return []node.ReplicaStatus{{Partition: 1, Node: 7, Role: "reader", Coming: true, Lag: -1}}, nil
}

func (s *stagedCluster) SetReaders(_ context.Context, topic string, n int) error {
	s.asked = append(s.asked, fmt.Sprint(topic, n))
	return nil
}

func (s *stagedCluster) Promote(_ context.Context, topic string, partition int32, n metadata.NodeID) error {
	s.asked = append(s.asked, fmt.Sprint(topic, partition, n))
	return nil
}

func (s *stagedCluster) Cluster(context.Context) (node.ClusterStatus, error) {
	return node.ClusterStatus{Status: supervisor.Status{
		Nodes:  []supervisor.NodeStatus{{ID: 7, State: "draining", Drain: &supervisor.Draining{Partitions: 3, Bytes: 30 << 20, Seconds: 10}}},
		Moving: []supervisor.Moving{{Topic: "t", Partition: 4, To: []int32{8}, From: []int32{7}, Done: 0.5, BytesLeft: 1 << 20}}, BytesPerSec: 3 << 20,
	}}, nil
}

func (s *stagedCluster) Administer(_ context.Context, c metadata.Command) error {
	body, err := c.Encode()
	if err != nil {
		return err
	}
	s.asked = append(s.asked, string(body[1:]))
	if c.DrainNode != nil && c.DrainNode.Node == 9 {
		return protocol.Errorf(kerr.InvalidReplicationFactor, "node 9 is the last one")
	}
	return nil
}

func (s *stagedCluster) Replacing(n metadata.NodeID) (node.Replacement, error) {
	switch n {
	case 7:
		return node.Replacement{Consequences: []string{"t-0: its only replica is there"}}, nil
	case 6:
		return node.Replacement{Draining: true}, nil
	}
	return node.Replacement{}, nil
}

// What is lost with a disk is said before it is declared lost, and the operator has to agree.
func TestReplaceWarns(t *testing.T) {
	s := &stagedCluster{}
	out, err := operatorTypes(t, s, "yes\n", "cluster", "replace", "7")
	if err == nil || !strings.Contains(out, "t-0: its only replica is there") || len(s.asked) > 0 {
		t.Fatalf("%q, %v, asked for %v", out, err, s.asked)
	}
	if _, err := operatorTypes(t, s, acceptance+"\n", "cluster", "replace", "7"); err != nil || len(s.asked) != 1 {
		t.Fatalf("%v, asked for %v", err, s.asked)
	}
	if _, err := operator(t, s, "cluster", "replace", "7", "--accept-data-loss"); err != nil || len(s.asked) != 2 {
		t.Fatalf("%v, asked for %v", err, s.asked)
	}
	if out, err := operator(t, s, "cluster", "replace", "6"); err != nil || !strings.Contains(out, "still being decommissioned") {
		t.Fatalf("%q, %v", out, err)
	}
}

func TestNodesAreDecommissionedAndReplaced(t *testing.T) {
	s := &stagedCluster{}
	for _, args := range [][]string{{"decommission", "7"}, {"decommission", "7", "--cancel"}, {"replace", "8"}} {
		if out, err := operator(t, s, append([]string{"cluster"}, args...)...); err != nil || out == "" {
			t.Fatalf("%v: %q, %v", args, out, err)
		}
	}
	want := `[{"DrainNode":{"Node":7,"Cancel":false}} {"DrainNode":{"Node":7,"Cancel":true}} {"ReplaceNode":{"Node":8,"Incarnation":0}}]`
	if got := fmt.Sprint(s.asked); got != want {
		t.Fatalf("asked for %s, want %s", got, want)
	}
	if _, err := operator(t, s, "cluster", "decommission", "9"); err == nil || !strings.Contains(err.Error(), "the last one") {
		t.Fatalf("a refusal ends as %v", err)
	}
	if _, err := operator(t, s, "cluster", "decommission", "nine"); err == nil || !strings.Contains(err.Error(), "not a node id") {
		t.Fatalf("nonsense ends as %v", err)
	}
}

func TestMovesAreShown(t *testing.T) {
	out, err := operator(t, &stagedCluster{}, "cluster", "moves")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"node 7: 3 partitions and 30 MiB to go, 3 MiB/s, about 10s", "t-4", "50 %", "moving 1, planned 0"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not shown:\n%s", want, out)
		}
	}
}

// operator runs the command line against a cluster and returns what it printed and its error.
func operator(t *testing.T, s web.Node, args ...string) (string, error) {
	t.Helper()
	return operatorTypes(t, s, "", args...)
}

// operatorTypes is operator with something on standard input.
func operatorTypes(t *testing.T, s web.Node, typed string, args ...string) (string, error) {
	t.Helper()
	server := httptest.NewServer(web.Handler(web.Options{Node: s, Metrics: http.NotFoundHandler(), Token: os.Getenv("TROUPE_ADMIN_TOKEN")}))
	defer server.Close()
	c := root()
	var out strings.Builder
	c.SetOut(&out)
	c.SetErr(&out)
	c.SetIn(strings.NewReader(typed))
	c.SetArgs(append(args, "--address", strings.TrimPrefix(server.URL, "http://")))
	err := c.Execute()
	return strings.Join(strings.Fields(out.String()), " "), err
}

func TestOperatorsCommands(t *testing.T) {
	for _, test := range []struct {
		args   string
		prints string
		err    string // what the error says, if there is one
	}{
		{"cluster status", "cluster theid: NOT healthy; metadata led by none known NODE UP", "the cluster is not healthy"},
		{"cluster status", "node-down 7 t-0 - 1m1s it burns", "not healthy"},
		{"cluster status --json", `"reason": "it burns"`, "not healthy"},
		{"cluster can-restart 7", "t-0: its only replica is there", "node 7 should not be stopped now"},
		{"cluster can-restart 3", "node 3 can be stopped", ""},
		{"cluster can-restart nine", "", `node is not a node id: "nine"`},
		{"cluster maintenance on 3", "node 3 is in maintenance", ""},
		{"cluster maintenance off 3", "node 3 is active", ""},
		{"cluster maintenance on 9", "", "there is no node 9 in the cluster"},
		{"cluster maintenance perhaps 3", "", "say on or off"},
		{"topic describe t", "1 7 reader (coming) NO NO unknown", ""},
		{"topic describe t --json", `"role": "reader"`, ""},
		{"topic alter t", "", "say how many"},
		{"topic alter t --read-replicas 2", "every partition of t gets 2", ""},
		{"topic promote t 0 7", "t-0 on node 7 votes", ""},
		{"topic promote t zero 7", "", `partition is not a number: "zero"`},
	} {
		s := &stagedCluster{}
		out, err := operator(t, s, strings.Fields(test.args)...)
		if !strings.Contains(out, test.prints) {
			t.Errorf("troupe %s prints\n%s\nwithout %q", test.args, out, test.prints)
		}
		if (err != nil) != (test.err != "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("troupe %s: %v, want an error that says %q", test.args, err, test.err)
		}
	}
	s := &stagedCluster{}
	operator(t, s, "cluster", "maintenance", "on", "3")
	operator(t, s, "cluster", "maintenance", "off", "3")
	if got := strings.Join(s.asked, ", "); got != "3 true, 3 false" {
		t.Errorf("asked for %s", got)
	}
}

func TestRecoverAsksFirst(t *testing.T) {
	for _, test := range []struct {
		args, typed string
		done        bool
		prints      string
	}{
		{"cluster recover --lost 2,3", "", false, "t-0 1 77 1 of 3 123 2"},
		{"cluster recover --lost 2,3", "yes\n", false, "nothing was done"},
		{"cluster recover --lost 2,3", "I accept data loss\n", true, "t-9"},
		{"cluster recover --lost 2,3 --accept-data-loss", "", true, "the record"},
		{"cluster recover --lost 2", "I accept data loss\n", false, "nothing to recover"},
		{"cluster recover --lost two", "", false, "not node ids"},
		{"cluster recover", "", false, "required flag"},
	} {
		s := &stagedCluster{}
		out, err := operatorTypes(t, s, test.typed, strings.Fields(test.args)...)
		if err != nil {
			out += " " + err.Error()
		}
		if got := strings.Join(s.asked, ", "); (got == "[2 3]theplan") != test.done || !test.done && got != "" {
			t.Errorf("troupe %s, typed %q: asked for %q", test.args, test.typed, got)
		}
		if !strings.Contains(out, test.prints) {
			t.Errorf("troupe %s, typed %q, prints\n%s\nwithout %q", test.args, test.typed, out, test.prints)
		}
	}
}

// The command line bears the token that the node asks for.
func TestChangesBearTheToken(t *testing.T) {
	t.Setenv("TROUPE_ADMIN_TOKEN", "open sesame")
	s := &stagedCluster{}
	if _, err := operator(t, s, "cluster", "maintenance", "on", "3"); err != nil || len(s.asked) != 1 {
		t.Errorf("with the token: %v, asked for %v", err, s.asked)
	}
	if _, err := operator(t, s, "cluster", "maintenance", "on", "3", "--token", "guessed"); err == nil || !strings.Contains(err.Error(), "admin.token") || len(s.asked) != 1 {
		t.Errorf("with another one: %v, asked for %v", err, s.asked)
	}
}

func TestNobodyAnswers(t *testing.T) {
	c := root()
	c.SetArgs([]string{"cluster", "status", "--address", "127.0.0.1:1"})
	if err := c.Execute(); err == nil || !strings.Contains(err.Error(), "give --address") {
		t.Errorf("got %v, want an error that says what to do", err)
	}
}
