package telemetry

import (
	"strconv"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/raft"
)

var ofPartition = []string{"topic", "partition"}

// and returns the labels of a partition and one more.
func and(label string) []string { return []string{"topic", "partition", label} }

// raftFamilies are the metrics of consensus, by the names that Chronik Stream gave them.
var raftFamilies = []family{
	{"troupe_raft_leader_count", gauge, "{replica}", nil, "Replicas on this node that lead, that of __meta included.",
		roles(func(s *replica.Standing) bool { return s.Role == raft.Leader })},
	{"troupe_raft_follower_count", gauge, "{replica}", nil, "Replicas on this node that follow a leader or look for one, learners included.",
		roles(func(s *replica.Standing) bool { return s.Role != raft.Leader })},
	{"troupe_raft_isr_size", gauge, "{replica}", ofPartition, "Replicas in sync, told by the leader. Folded: the smallest.",
		byReplica(smallest, func(r *node.ReplicaReading) (float64, bool) {
			return float64(r.Standing.InSync), r.Standing.Established
		})},
	{"troupe_raft_current_term", gauge, "1", ofPartition, "Raft's term, Kafka's leader epoch. Folded: the largest.",
		standing(largest, func(s *replica.Standing) float64 { return float64(s.Term) })},
	{"troupe_raft_node_state", gauge, "1", and("node_id"), "What the replica is: 1 leader, 2 candidate, 3 follower, 4 learner, 0 quarantined. By partition only.", nodeState},
	{"troupe_raft_commit_index", gauge, "{entry}", ofPartition, "Last entry known to be committed. Folded: the sum.",
		standing(sum, func(s *replica.Standing) float64 { return float64(s.Commit) })},
	{"troupe_raft_last_applied", gauge, "{entry}", ofPartition, "Last entry applied. Folded: the sum.",
		standing(sum, func(s *replica.Standing) float64 { return float64(s.Applied) })},
	{"troupe_raft_commits_total", counter, "{entry}", ofPartition, "Entries that this replica learned to be committed since it was opened.",
		total(func(c replica.Counts) uint64 { return c.Commits })},
	{"troupe_raft_commit_latency_ms", histogram, "ms", nil, "From proposing until a majority has it on disk and the requests are answered; one per proposal, told by leaders.",
		whole(millis, func(o *node.Observation) *stages.Histogram { return &o.Meters.CommitLatency })},
	{"troupe_raft_commit_batch_size", histogram, "{entry}", nil, "Entries found committed at once.",
		whole(counts, func(o *node.Observation) *stages.Histogram { return &o.Meters.CommitEntries })},
	{"troupe_raft_follower_lag_entries", gauge, "{entry}", and("follower_id"), "Entries of the leader's log that the follower on that node is not known to have. Folded: the largest.",
		followers(func(f *replica.FollowerStanding) float64 { return float64(f.Lag) })},
	{"troupe_raft_follower_lag_ms", gauge, "ms", and("follower_id"), "For how long the oldest of those entries has been in the leader's log. Folded: the largest.",
		followers(func(f *replica.FollowerStanding) float64 { return float64(f.Behind.Microseconds()) / 1000 })},
	{"troupe_raft_election_count", counter, "{election}", and("result"), "Elections that this replica stood for, by result: won, lost. The elections of a partition are those won on any node.",
		totals(func(c replica.Counts, emit func(uint64, string)) { emit(c.Lost, "lost"); emit(c.Won, "won") })},
	{"troupe_raft_election_latency_ms", histogram, "ms", nil, "From standing for election until leading; one per election won here.",
		whole(millis, func(o *node.Observation) *stages.Histogram { return &o.Meters.Election })},
	{"troupe_raft_votes_received", gauge, "{vote}", ofPartition, "Votes in the last election that the replica stood for, its own among them. Folded: the smallest.",
		byReplica(smallest, func(r *node.ReplicaReading) (float64, bool) { return float64(r.Standing.Votes), r.Standing.Votes > 0 })},
	{"troupe_raft_snapshot_count", counter, "{snapshot}", ofPartition, "Snapshots of its own state that the replica took.",
		total(func(c replica.Counts) uint64 { return c.Snapshots })},
	{"troupe_raft_snapshot_size_bytes", gauge, "By", ofPartition, "Size of the newest snapshot taken or received since the replica was opened. Folded: the sum.",
		byReplica(sum, func(r *node.ReplicaReading) (float64, bool) {
			return float64(r.Standing.SnapshotBytes), r.Standing.SnapshotIndex > 0
		})},
	{"troupe_raft_snapshot_last_index", gauge, "{entry}", ofPartition, "Last entry in that snapshot. Folded: the sum.",
		byReplica(sum, func(r *node.ReplicaReading) (float64, bool) {
			return float64(r.Standing.SnapshotIndex), r.Standing.SnapshotIndex > 0
		})},
	{"troupe_raft_snapshot_create_latency_ms", histogram, "ms", nil, "From taking a snapshot until it is durable.",
		whole(millis, func(o *node.Observation) *stages.Histogram { return &o.Meters.SnapshotCreate })},
	{"troupe_raft_snapshot_apply_latency_ms", histogram, "ms", nil, "From being offered a snapshot until it and the log that goes with it are durable and in force.",
		whole(millis, func(o *node.Observation) *stages.Histogram { return &o.Meters.SnapshotApply })},
	{"troupe_raft_snapshot_transfers_total", counter, "{snapshot}", and("direction"), "Snapshots sent to followers and received from leaders.",
		totals(func(c replica.Counts, emit func(uint64, string)) {
			emit(c.SnapshotsReceived, "received")
			emit(c.SnapshotsSent, "sent")
		})},
	{"troupe_raft_append_entries_sent_total", counter, "{message}", ofPartition, "Messages with entries or a commit index, to followers.",
		total(func(c replica.Counts) uint64 { return c.AppendsSent })},
	{"troupe_raft_append_entries_received_total", counter, "{message}", ofPartition, "Messages with entries or a commit index, from leaders.",
		total(func(c replica.Counts) uint64 { return c.AppendsReceived })},
	{"troupe_raft_append_entries_rejected_total", counter, "{message}", ofPartition, "Of those sent, the ones that a follower refused because its log did not match.",
		total(func(c replica.Counts) uint64 { return c.AppendsRejected })},
	{"troupe_raft_append_entries_size_bytes", histogram, "By", nil, "Bytes of entry data in one message that brings entries.",
		whole(sizes, func(o *node.Observation) *stages.Histogram { return &o.Meters.AppendBytes })},
	{"troupe_raft_log_size_entries", gauge, "{entry}", ofPartition, "Entries in the replica's log. Folded: the sum.",
		standing(sum, func(s *replica.Standing) float64 { return float64(s.Last - s.Start) })},
	{"troupe_raft_log_size_bytes", gauge, "By", ofPartition, "Bytes of record batches in the log, known to what two marks are apart (at most 2 MiB or about a hundredth); not told of __meta. Folded: the sum.",
		byReplica(sum, func(r *node.ReplicaReading) (float64, bool) {
			return float64(r.Standing.LogBytes), r.Standing.LogBytes >= 0
		})},
	{"troupe_raft_log_compactions_total", counter, "{compaction}", ofPartition, "How often the log's start moved forward.",
		total(func(c replica.Counts) uint64 { return c.Compactions })},
	{"troupe_raft_cluster_size", gauge, "{replica}", ofPartition, "Members of the shard, learners included. Folded: the largest.",
		standing(largest, func(s *replica.Standing) float64 { return float64(s.Members) })},
	{"troupe_raft_quorum_size", gauge, "{replica}", ofPartition, "Votes that a majority of the shard takes. Folded: the largest.",
		standing(largest, func(s *replica.Standing) float64 { return float64(s.Voters/2 + 1) })},
	{"troupe_raft_config_changes_total", counter, "{change}", ofPartition, "Changes of the shard's members applied.",
		total(func(c replica.Counts) uint64 { return c.ConfigChanges })},
	{"troupe_raft_rpc_latency_ms", histogram, "ms", []string{"rpc_type", "target_node"}, "Questions to other nodes, until the answer or until there was none.", rpcLatency},
	{"troupe_raft_rpc_calls_total", counter, "{call}", []string{"rpc_type", "target_node"}, "Questions to other nodes.", rpcCalls},
	{"troupe_raft_rpc_errors_total", counter, "{call}", []string{"rpc_type", "target_node"}, "Of those, the ones without an answer or refused.", rpcErrors},
}

// standing reads a value that every replica has.
func standing(f fold, of func(*replica.Standing) float64) func(*reading, *points) {
	return byReplica(f, func(r *node.ReplicaReading) (float64, bool) { return of(&r.Standing), true })
}

// roles counts replicas.
func roles(is func(*replica.Standing) bool) func(*reading, *points) {
	return func(r *reading, p *points) {
		n := 0
		for i := range r.Replicas {
			if is(&r.Replicas[i].Standing) {
				n++
			}
		}
		p.put(float64(n))
	}
}

// nodeState has no fold: a sum of states means nothing.
func nodeState(r *reading, p *points) {
	if r.scope != Partitions {
		return
	}
	states := map[raft.Role]float64{raft.Leader: 1, raft.Candidate: 2, raft.Follower: 3, raft.Learner: 4}
	id := strconv.Itoa(int(r.Node))
	for _, one := range r.Replicas {
		v := states[one.Standing.Role]
		if one.Standing.Broken {
			v = 0
		}
		p.put(v, one.Topic, strconv.Itoa(int(one.Partition)), id)
	}
}

// followers reads a value of every follower of the led replicas; the third label is the follower's
// node.
func followers(of func(*replica.FollowerStanding) float64) func(*reading, *points) {
	return byReplicaAnd(largest, func(r *node.ReplicaReading, emit func(float64, string)) {
		for i := range r.Standing.Followers {
			f := &r.Standing.Followers[i]
			emit(of(f), strconv.Itoa(int(f.Node)))
		}
	})
}

func rpcLatency(r *reading, p *points) {
	for _, peer := range r.Peers {
		for _, a := range peer.Asks {
			p.spread(a.Took, millis, a.Kind, strconv.Itoa(int(peer.Peer)))
		}
	}
}

func rpcCalls(r *reading, p *points) {
	for _, peer := range r.Peers {
		for _, a := range peer.Asks {
			p.put(float64(a.Took.Count), a.Kind, strconv.Itoa(int(peer.Peer)))
		}
	}
}

func rpcErrors(r *reading, p *points) {
	for _, peer := range r.Peers {
		for _, a := range peer.Asks {
			p.put(float64(a.Failed), a.Kind, strconv.Itoa(int(peer.Peer)))
		}
	}
}
