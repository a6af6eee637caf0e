package api

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/supervisor"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// operated is a cluster of which only what administrators' requests look at is there. A command is
// applied at once.
type operated struct {
	Cluster
	machine *metadata.Machine
	ledger  ledger.Ledger
	down    []metadata.NodeID
	leads   map[storage.ShardID]Leadership
	asked   []metadata.NodeID // whom leaderships were handed to
	rights  access.Authorizer // nil: everybody may do everything
}

func (o *operated) Access() access.Authorizer {
	if o.rights == nil {
		return access.Open{}
	}
	return o.rights
}

func (o *operated) Image() *metadata.Image                  { return o.machine.Image() }
func (o *operated) Alive(n metadata.NodeID) bool            { return !slices.Contains(o.down, n) }
func (o *operated) Leadership(s storage.ShardID) Leadership { return o.leads[s] }

func (o *operated) Ledger() *ledger.Ledger { return &o.ledger }

func (o *operated) MostReplicas() int { return 1000 }

func (o *operated) Runtime() actors.Runtime { return actors.Goroutines{} }

func (o *operated) Place(topic string, n, replicas int) ([][]metadata.NodeID, error) {
	return supervisor.Place(o.Image(), o.Alive, topic, n, replicas)
}

func (o *operated) Readers(t *metadata.Topic, n int) ([]metadata.AlterReplicas, error) {
	return supervisor.Readers(o.Image(), o.Alive, t, n)
}

func (o *operated) AwaitFormed(ctx context.Context) error {
	if len(o.Image().Unregistered()) == 0 {
		return nil
	}
	<-ctx.Done()
	return protocol.Errorf(kerr.RequestTimedOut, "forming")
}

func (o *operated) Setting(name string) string {
	v, _ := metadata.BrokerDefault(name)
	return v
}

func (o *operated) AwaitLeaderships(_ context.Context, ok func() bool) error {
	if !ok() {
		return context.DeadlineExceeded
	}
	return nil
}

func (o *operated) Transfer(_ context.Context, _ storage.ShardID, to metadata.NodeID) error {
	o.asked = append(o.asked, to)
	return nil
}

func (o *operated) Submit(_ context.Context, c metadata.Command) (metadata.Result, error) {
	data, err := c.Encode()
	if err != nil {
		return metadata.Result{}, err
	}
	r, err := o.machine.Apply(o.machine.Image().Index+1, 1, data)
	if err != nil {
		return metadata.Result{}, err
	}
	return r.(metadata.Result), nil
}

// operate makes a cluster of n nodes, founded by the first three, with a topic of one partition on
// nodes 1, 2 and 3 that node 2 leads.
func operate(t *testing.T, n int) *operated {
	t.Helper()
	o := &operated{machine: metadata.NewMachine()}
	must := func(c metadata.Command) {
		t.Helper()
		if r, err := o.Submit(context.Background(), c); err != nil || r.Err != nil {
			t.Fatal(err, r.Err)
		}
	}
	must(metadata.Command{FormCluster: &metadata.FormCluster{ClusterID: "c", Founders: map[metadata.NodeID]uint64{1: 1, 2: 2, 3: 3}}})
	for id := range metadata.NodeID(n) {
		must(metadata.Command{RegisterNode: &metadata.RegisterNode{Node: metadata.Node{ID: id + 1, Incarnation: uint64(id) + 1}}})
	}
	must(metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "t", ID: metadata.TopicID{1}, Placement: [][]metadata.NodeID{{1, 2, 3}}}})
	o.leads = map[storage.ShardID]Leadership{o.Image().Partition("t", 0).Shard: {Known: true, Node: 2, InSync: []metadata.NodeID{1, 2, 3}}}
	return o
}

// says wants an error of a kind that says something; no kind wants none.
func says(t *testing.T, what string, err error, kind *kerr.Error, text string) {
	t.Helper()
	switch {
	case kind == nil && err == nil:
	case kind == nil:
		t.Errorf("%s: %v", what, err)
	case err == nil || protocol.Code(err) != kind.Code || !strings.Contains(err.Error(), text):
		t.Errorf("%s: %v, want %s that says %q", what, err, kind.Message, text)
	}
}

func TestReassign(t *testing.T) {
	o := operate(t, 4)
	move := func(resize bool, nodes ...int32) error {
		p := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		p.Replicas = nodes
		return reassign(context.Background(), o, "t", p, resize)
	}
	replicas := func() string { return fmt.Sprint(o.Image().Partition("t", 0).Reassignment()) }
	says(t, "calling off nothing", move(true), kerr.NoReassignmentInProgress, "not being reassigned")
	says(t, "to no node", reassign(context.Background(), o, "t", kmsg.AlterPartitionAssignmentsRequestTopicPartition{Replicas: []int32{}}, true), kerr.InvalidReplicaAssignment, "needs one")
	says(t, "to a node that is not there", move(true, 1, 2, 9), kerr.InvalidReplicaAssignment, "node 9 is not in the cluster")
	says(t, "twice to one", move(true, 1, 2, 2), kerr.InvalidReplicaAssignment, "named twice")
	says(t, "below 0", move(true, 1, 2, -3), kerr.InvalidReplicaAssignment, "below 0")
	says(t, "resizing where that is forbidden", move(false, 1, 2), kerr.InvalidReplicationFactor, "forbids")
	says(t, "an unknown topic", reassign(context.Background(), o, "nope", kmsg.AlterPartitionAssignmentsRequestTopicPartition{}, true), kerr.UnknownTopicOrPartition, "")
	says(t, "an unknown partition", reassign(context.Background(), o, "t", kmsg.AlterPartitionAssignmentsRequestTopicPartition{Partition: 7}, true), kerr.UnknownTopicOrPartition, "")
	if got := replicas(); got != "{[1 2 3] [] []}" {
		t.Fatalf("what was refused changed something: %s", got)
	}
	says(t, "a move", move(false, 4, 2, 3), nil, "")
	if got := replicas(); got != "{[4 2 3 1] [4] [1]}" {
		t.Errorf("moving: %s", got)
	}
	says(t, "its end", move(true), nil, "")
	if got := replicas(); got != "{[2 3 1] [] []}" {
		t.Errorf("called off: %s", got)
	}
	says(t, "what is called off already", move(true), kerr.NoReassignmentInProgress, "")
}

// read gives the partition a reader on node 4, as if it had come.
func (o *operated) read(t *testing.T) *metadata.Partition {
	t.Helper()
	p := o.Image().Partition("t", 0)
	targets := append(p.Voting([]metadata.NodeID{1, 2, 3}), metadata.Target{Node: 4, Role: metadata.Reader})
	if r, err := o.Submit(context.Background(), metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: p.Shard, Seen: replicaIDs(p), Targets: targets}}); err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	return o.Image().Partition("t", 0)
}

// Partitions that are added to a topic with readers get readers as well, away from their voters;
// those that were there keep theirs.
func TestNewPartitionsGetReaders(t *testing.T) {
	o := operate(t, 5)
	before := o.read(t)
	want := kmsg.NewCreatePartitionsRequestTopic()
	want.Topic, want.Count = "t", 3
	for _, nodes := range [][]int32{{4, 2, 3}, {1, 2, 4}} {
		a := kmsg.NewCreatePartitionsRequestTopicAssignment()
		a.Replicas = nodes
		want.Assignment = append(want.Assignment, a)
	}
	if err := addPartitions(context.Background(), o, o.Image().Topics[want.Topic], want, false); err != nil {
		t.Fatal(err)
	}
	if now := o.Image().Partition("t", 0); now != before {
		t.Errorf("partition 0 was changed: %+v", now)
	}
	for at, nodes := range [][]metadata.NodeID{{4, 2, 3}, {1, 2, 4}} {
		p := o.Image().Partition("t", int32(at)+1)
		if len(p.Replicas) != 4 || p.Voters() != 3 || p.Replicas[3].Role != metadata.Reader || slices.Contains(nodes, p.Replicas[3].Node) || !p.Replicas[3].Pending {
			t.Errorf("partition %d has %+v", at+1, p.Replicas)
		}
	}
}

// A client follows a preferred read replica only to a node that metadata names among the
// partition's replicas: without the reader it would get nothing, for ever.
func TestMetadataNamesReaders(t *testing.T) {
	o := operate(t, 4)
	p := o.read(t)
	for _, test := range []struct {
		name   string
		inSync []metadata.NodeID
		down   []metadata.NodeID
		want   string // replicas, in sync, offline
	}{
		{"all are well", []metadata.NodeID{1, 2, 3}, nil, "[1 2 3 4] [1 2 3 4] []"},
		{"the reader is down", []metadata.NodeID{1, 2, 3}, []metadata.NodeID{4}, "[1 2 3 4] [1 2 3] [4]"},
		{"a voter is down, and no reader counts for it", []metadata.NodeID{1, 2}, []metadata.NodeID{3}, "[1 2 3 4] [1 2] [3]"},
	} {
		o.down, o.leads[p.Shard] = test.down, Leadership{Known: true, Node: 2, InSync: test.inSync}
		d := describePartition(o, p)
		if got := fmt.Sprint(d.Replicas, d.ISR, d.OfflineReplicas); got != test.want || d.Leader != 2 {
			t.Errorf("%s: %s, led by %d, want %s", test.name, got, d.Leader, test.want)
		}
	}
}

// A list that was read from metadata is written back without making a voter of a reader.
func TestReassignLeavesReaders(t *testing.T) {
	for _, test := range []struct {
		nodes []int32
		want  string
	}{
		{[]int32{1, 2, 3, 4}, "{[1 2 3] [] []} readers [4]"},
		{[]int32{3, 4, 2, 1}, "{[3 2 1] [] []} readers [4]"},
		{[]int32{1, 2, 3}, "{[1 2 3] [] []} readers [4]"},
		{[]int32{1, 2, 4}, "{[1 2 4 3] [4] [3]} readers []"},
	} {
		o := operate(t, 4)
		o.read(t)
		want := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
		want.Replicas = test.nodes
		says(t, fmt.Sprint(test.nodes), reassign(context.Background(), o, "t", want, false), nil, "")
		p := o.Image().Partition("t", 0)
		if got := fmt.Sprintf("%v readers %v", p.Reassignment(), readersOf(p)); got != test.want {
			t.Errorf("%v: %s, want %s", test.nodes, got, test.want)
		}
	}
}

// A replica that is replaced on its node, because its data was lost, is a voter as before: the list
// that a tool read means three voters, and no fewer.
func TestReassignCountsReplacedVoters(t *testing.T) {
	o := operate(t, 4)
	o.read(t)
	p := o.Image().Partition("t", 0)
	lost := metadata.Command{ReplaceReplica: &metadata.ReplaceReplica{Shard: p.Shard, Replica: p.Replicas[0].ID}}
	if r, err := o.Submit(context.Background(), lost); err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	if got := o.Image().Partition("t", 0).Reassignment(); len(got.Adding)+len(got.Removing) > 0 {
		t.Errorf("a replica that is replaced where it was is being moved: %v", got)
	}
	want := kmsg.NewAlterPartitionAssignmentsRequestTopicPartition()
	want.Replicas = []int32{2, 1, 4}
	says(t, "two voters and the reader", reassign(context.Background(), o, "t", want, true), nil, "")
	if p := o.Image().Partition("t", 0); p.Voters() != 3 {
		t.Errorf("%d voters, want 3: %v readers %v", p.Voters(), p.Reassignment(), readersOf(p))
	}
}

func TestElectLeaders(t *testing.T) {
	o := operate(t, 3)
	shard := o.Image().Partition("t", 0).Shard
	elect := func(kind int8) error { return elect(context.Background(), o, "t", 0, kind) }
	says(t, "the preferred one", elect(0), nil, "")
	if !slices.Equal(o.asked, []metadata.NodeID{1}) {
		t.Errorf("the leadership was handed to %v, want node 1", o.asked)
	}
	says(t, "unclean with a leader", elect(1), kerr.ElectionNotNeeded, "has a leader")
	o.leads[shard] = Leadership{Known: true, Node: 2, InSync: []metadata.NodeID{2, 3}}
	says(t, "one that is behind", elect(0), kerr.PreferredLeaderNotAvailable, "not in sync")
	o.down = []metadata.NodeID{1}
	says(t, "one that is down", elect(0), kerr.PreferredLeaderNotAvailable, "is down")
	o.leads[shard] = Leadership{}
	says(t, "unclean", elect(1), kerr.EligibleLeadersNotAvailable, "troupe cluster recover")
	o.down = nil
	o.leads[shard] = Leadership{Known: true, Node: 1, InSync: []metadata.NodeID{1}}
	says(t, "one that leads", elect(0), kerr.ElectionNotNeeded, "leads already")
	o.leads[shard] = Leadership{Known: true, Node: 2, InSync: []metadata.NodeID{1, 2}}
	if r, err := o.Submit(context.Background(), metadata.Command{RestNode: &metadata.RestNode{Node: 1, On: true}}); err != nil || r.Err != nil {
		t.Fatal(err, r.Err)
	}
	says(t, "one in maintenance", elect(0), kerr.PreferredLeaderNotAvailable, "maintenance")
	if len(o.asked) != 1 {
		t.Errorf("leaderships were handed over although that was refused: %v", o.asked)
	}
}

func TestMetadataVoters(t *testing.T) {
	o := operate(t, 4)
	ctx := context.Background()
	other, wrong := "c", "another"
	none := [16]byte{}
	voting := func() string {
		var nodes []metadata.NodeID
		for _, r := range o.Image().Meta.Replicas {
			if r.Role == metadata.Voter {
				nodes = append(nodes, r.Node)
			}
		}
		slices.Sort(nodes)
		return fmt.Sprint(nodes)
	}
	says(t, "a voter", changeVoters(ctx, o, nil, 1, none, supervisor.AddVoter), kerr.DuplicateVoter, "")
	says(t, "a fourth", changeVoters(ctx, o, nil, 4, none, supervisor.AddVoter), kerr.InvalidRequest, "remove another voter")
	says(t, "a node that is not there", changeVoters(ctx, o, nil, 9, none, supervisor.AddVoter), kerr.VoterNotFound, "")
	says(t, "another cluster", changeVoters(ctx, o, &wrong, 1, none, supervisor.RemoveVoter), kerr.InconsistentClusterID, "this cluster is c")
	says(t, "another disk", changeVoters(ctx, o, nil, 1, DirectoryID(o.Image().Nodes[2]), supervisor.RemoveVoter), kerr.VoterNotFound, "another data directory")
	says(t, "a reader", changeVoters(ctx, o, nil, 4, none, supervisor.RemoveVoter), kerr.VoterNotFound, "not a voter")
	says(t, "a voter, for another", changeVoters(ctx, o, &other, 1, DirectoryID(o.Image().Nodes[1]), supervisor.RemoveVoter), nil, "")
	if got := voting(); got != "[2 3 4]" {
		t.Errorf("%s vote, want [2 3 4]", got)
	}
	o.down = []metadata.NodeID{1}
	says(t, "one that no other could replace", changeVoters(ctx, o, nil, 2, none, supervisor.RemoveVoter), kerr.InvalidRequest, "add one first")
	if got := voting(); got != "[2 3 4]" {
		t.Errorf("%s vote, want [2 3 4]", got)
	}
}
