package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// moved replaces one of a partition's two replicas. That is three changes of members: who comes becomes a learner, the joint configuration in which
// it votes instead of who goes is entered, and it is left.
func (w *watched) moved(t *testing.T) {
	w.c.CreateTopicAt("moved", []int32{1, 2})
	leader, gone, come := w.c.Node(1), w.c.Node(2), w.c.Node(3)
	m := watch(t, w.c, "moved")
	m.becomes(leader, 1, "troupe_raft_node_state", "node_id", id(leader))
	want(t, "changes of members at first", m.value(leader, "troupe_raft_config_changes_total"), 0)
	var req kadm.AlterPartitionAssignmentsReq
	req.Assign("moved", 0, []int32{leader.ID, come.ID})
	resp, err := w.c.Admin().AlterPartitionAssignments(within(t, 30*time.Second), req)
	if err = errors.Join(err, resp.Error()); err != nil {
		t.Fatal(err)
	}
	cluster.Eventually(t, 45*time.Second, "the replaced replica is gone", func(ctx context.Context) error {
		at, err := gone.Metrics(ctx)
		if err == nil && at.Has("troupe_raft_cluster_size", m.labels...) {
			err = fmt.Errorf("node %d still shows it", gone.ID)
		}
		return err
	})
	m.becomes(come, 3, "troupe_raft_node_state", "node_id", id(come)) // a follower, no learner any more
	want(t, "changes of members", m.value(leader, "troupe_raft_config_changes_total"), 3)
	for _, n := range []*cluster.Node{leader, come} {
		m.becomes(n, 2, "troupe_raft_cluster_size")
		m.becomes(n, 2, "troupe_raft_quorum_size")
	}
	m.becomes(leader, 2, "troupe_raft_isr_size")
}

// unanswered asks the leader of __meta, while it is paused, for a topic: one call and one error more of that kind to that node, none to the other.
func (w *watched) unanswered(t *testing.T) {
	paused := w.c.Controller()
	asking, other := w.c.Node(paused.ID%3+1), w.c.Node((paused.ID+1)%3+1)
	of := func(m cluster.Metrics, name string, n *cluster.Node) float64 {
		return m.Value(name, "rpc_type", "submit", "target_node", id(n))
	}
	before := w.of(asking)
	paused.Pause()
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = "unanswered", 1, 2
	req := kmsg.NewPtrCreateTopicsRequest()
	req.TimeoutMillis, req.Topics = 10_000, append(req.Topics, one)
	resp, err := req.RequestWith(within(t, 15*time.Second), asking.Broker())
	if err != nil {
		t.Error(err)
	} else {
		want(t, "answer", kerr.ErrorForCode(resp.Topics[0].ErrorCode), error(kerr.RequestTimedOut))
	}
	after := w.of(asking)
	paused.Resume()
	want(t, "calls", of(after, "troupe_raft_rpc_calls_total", paused)-of(before, "troupe_raft_rpc_calls_total", paused), 1)
	want(t, "errors", of(after, "troupe_raft_rpc_errors_total", paused)-of(before, "troupe_raft_rpc_errors_total", paused), 1)
	want(t, "errors of the other", of(after, "troupe_raft_rpc_errors_total", other)-of(before, "troupe_raft_rpc_errors_total", other), 0)
	w.c.WaitReady()
	w.c.WaitInSync(w.topic)
}
