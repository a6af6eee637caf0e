package telemetry

import (
	"runtime"
	"slices"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/actors/stages"
)

var partitionFamilies = []family{
	{"troupe_produce_records_total", counter, "{record}", ofPartition, "Records committed while this node led the partition.",
		total(func(c replica.Counts) uint64 { return c.Records })},
	{"troupe_produce_bytes_total", counter, "By", ofPartition, "Bytes of the record batches they came in.",
		total(func(c replica.Counts) uint64 { return c.Bytes })},
	{"troupe_fetch_bytes_total", counter, "By", ofPartition, "Bytes of record batches handed out to consumers.",
		total(func(c replica.Counts) uint64 { return c.FetchedBytes })},
	{"troupe_partition_high_watermark", gauge, "{offset}", ofPartition, "First offset that is not committed, as far as this replica knows. Folded: the sum.",
		byReplica(sum, func(r *node.ReplicaReading) (float64, bool) {
			return float64(r.View.HighWatermark), r.Topic != node.MetaTopic
		})},
	{"troupe_partition_log_start_offset", gauge, "{offset}", ofPartition, "First offset kept. Folded: the sum.",
		byReplica(sum, func(r *node.ReplicaReading) (float64, bool) {
			return float64(r.View.LogStart), r.Topic != node.MetaTopic
		})},
	{"troupe_partition_requests_waiting", gauge, "{request}", ofPartition, "Requests that the replica has taken and not answered. Folded: the sum.",
		standing(sum, func(s *replica.Standing) float64 { return float64(s.Waiting) })},
	{"troupe_partitions_under_replicated", gauge, "{partition}", nil, "Partitions led here that have fewer replicas in sync than they should have.", underReplicated},
	{"troupe_partitions_leaderless", gauge, "{partition}", nil, "Partitions with a replica here that knows no leader.", number(func(o *node.Observation) int { return o.Leaderless })},
	{"troupe_replicas_quarantined", gauge, "{replica}", nil, "Replicas on this node that are out of service because their state cannot be proved whole.",
		number(func(o *node.Observation) int64 { return o.Quarantined })},
}

func underReplicated(r *reading, p *points) {
	n := 0
	for i := range r.Replicas {
		if s := &r.Replicas[i]; s.Standing.Established && s.Standing.InSync < s.Wanted {
			n++
		}
	}
	p.put(float64(n))
}

var requestFamilies = []family{
	{"troupe_requests_total", counter, "{request}", []string{"api", "error"}, "Requests answered, by API and by the first error in the answer.", func(r *reading, p *points) {
		for _, a := range r.Server.Answered {
			p.put(float64(a.Took.Count), kmsg.NameForKey(a.Key), errorName(a.Code))
		}
	}},
	{"troupe_request_latency_ms", histogram, "ms", []string{"api", "error"}, "From a request read until its answer is written, by API and error. A fetch or a join that waits for something to happen is long by design.", func(r *reading, p *points) {
		for _, a := range r.Server.Answered {
			p.spread(a.Took, millis, kmsg.NameForKey(a.Key), errorName(a.Code))
		}
	}},
	{"troupe_request_bytes_total", counter, "By", nil, "Bytes of requests.", number(func(o *node.Observation) uint64 { return o.Server.BytesIn })},
	{"troupe_response_bytes_total", counter, "By", nil, "Bytes of answers.", number(func(o *node.Observation) uint64 { return o.Server.BytesOut })},
	{"troupe_request_bytes_in_flight", gauge, "By", nil, "Bytes of requests that are being read or not answered (bounded by queued.max.request.bytes).",
		number(func(o *node.Observation) int64 { return o.Server.InFlightBytes })},
	{"troupe_in_flight", gauge, "1", []string{"account"}, "What is taken and not given back, by kind: all at zero on a node that no client uses.", func(r *reading, p *points) {
		for name, n := range r.InFlight {
			p.put(float64(n), name)
		}
	}},
	{"troupe_connections", gauge, "{connection}", nil, "Clients connected.", number(func(o *node.Observation) int { return o.Server.Connections })},
	{"troupe_connections_total", counter, "{connection}", nil, "Clients that ever connected.", number(func(o *node.Observation) uint64 { return o.Server.Accepted })},
	{"troupe_connections_refused_total", counter, "{connection}", nil, "Connections closed over what was sent on them.", number(func(o *node.Observation) uint64 { return o.Server.Refused })},
	{"troupe_connections_turned_away_total", counter, "{connection}", nil, "Connections that there was no room for: max.connections, max.connections.per.ip, or too few descriptors.",
		number(func(o *node.Observation) uint64 { return o.Server.TurnedAway })},
	{"troupe_produce_stage_ms", histogram, "ms", []string{"stage"}, "Where the time of produce requests goes, in the order of the way: check, queue, stage, wait, sync, replicate, apply, answer; request is all of it.", func(r *reading, p *points) {
		c := r.Stages.Read()
		for _, stage := range []string{"check", "queue", "stage", "wait", "sync", "replicate", "apply", "answer", "request"} {
			p.spread(c[stage], millis, stage)
		}
	}},
}

// errorName is Kafka's name of an error code.
func errorName(code int16) string {
	if code == 0 {
		return "NONE"
	}
	if e := kerr.TypedErrorForCode(code); e != nil {
		return e.Message
	}
	return strconv.Itoa(int(code))
}

var groupFamilies = []family{
	{"troupe_groups", gauge, "{group}", []string{"state"}, "Consumer groups that this node coordinates, by state.", func(r *reading, p *points) {
		in := map[string]int{"Empty": 0, "PreparingRebalance": 0, "CompletingRebalance": 0, "Stable": 0}
		for _, g := range r.Groups {
			in[g.State]++
		}
		for _, state := range []string{"Empty", "PreparingRebalance", "CompletingRebalance", "Stable"} {
			p.put(float64(in[state]), state)
		}
	}},
	{"troupe_group_bytes", gauge, "By", nil, "About what groups and committed offsets take in memory on this node (bounded by a sixteenth of memory).",
		number(func(o *node.Observation) int64 { return o.GroupBytes })},
	{"troupe_group_unreadable_records_total", counter, "{record}", nil, "Records of __consumer_offsets that could not be read when groups were loaded.",
		number(func(o *node.Observation) int64 { return o.GroupsUnreadable })},
	{"troupe_group_members", gauge, "{member}", []string{"group"}, "Members of a group, told by its coordinator; (others) are those beyond 1,000 groups on a node.", func(r *reading, p *points) {
		for _, g := range r.shown {
			p.put(float64(g.Members), g.Group)
		}
	}},
	{"troupe_group_lag_records", gauge, "{record}", []string{"group", "topic", "partition"}, "Committed records behind the group's committed offset, told by its coordinator. Folded: the sum.",
		lags(sum, func(l *node.LagReading) float64 { return float64(l.Records) })},
	{"troupe_group_lag_seconds", gauge, "s", []string{"group", "topic", "partition"}, "Age of the first of those records by its timestamp, 0 if there is none. Folded: the largest.",
		lags(largest, func(l *node.LagReading) float64 { return l.Behind.Seconds() })},
}

// lags reads a value of every partition that groups have offsets for.
func lags(f fold, of func(*node.LagReading) float64) func(*reading, *points) {
	return func(r *reading, p *points) {
		for _, g := range r.shown {
			into := folder{fold: f, at: make(map[folded]float64)}
			for i := range g.Lags {
				l := &g.Lags[i]
				switch r.lags {
				case Partitions:
					into.add(folded{l.Topic, l.Partition, ""}, of(l))
				case Topics:
					into.add(folded{l.Topic, -1, ""}, of(l))
				default:
					into.add(folded{"", -1, ""}, of(l))
				}
			}
			one := points{labels: ofPartition}
			into.put(&one)
			for _, v := range one.values {
				p.put(v.of, append([]string{g.Group}, v.labels...)...)
			}
		}
	}
}

var journalFamilies = []family{
	{"troupe_journal_groups_total", counter, "{transaction}", nil, "Transactions of the journal, each with one sync.", number(func(o *node.Observation) uint64 { return o.Stages.Sync.Read().Count })},
	{"troupe_journal_sync_ms", histogram, "ms", nil, "A transaction and its sync.", whole(millis, func(o *node.Observation) *stages.Histogram { return &o.Stages.Sync })},
	{"troupe_journal_wait_ms", histogram, "ms", nil, "How long a write waits for its transaction to begin.", whole(millis, func(o *node.Observation) *stages.Histogram { return &o.Stages.Wait })},
	{"troupe_journal_group_writes", histogram, "{write}", nil, "Writes merged into one transaction.", whole(counts, func(o *node.Observation) *stages.Histogram { return &o.Stages.GroupWrites })},
	{"troupe_journal_group_bytes", histogram, "By", nil, "Bytes of entry data in one transaction.", whole(sizes, func(o *node.Observation) *stages.Histogram { return &o.Stages.GroupBytes })},
	{"troupe_journal_queue_writes", gauge, "{write}", nil, "Writes that wait for a transaction.", number(func(o *node.Observation) int { return o.JournalWrites })},
	{"troupe_journal_queue_bytes", gauge, "By", nil, "Bytes of entry data in them.", number(func(o *node.Observation) int64 { return o.JournalBytes })},
}

var ofLane = []string{"peer", "lane"}

var remoteFamilies = []family{
	{"troupe_remote_up", gauge, "1", []string{"peer"}, "1 while the link to the node is up.", func(r *reading, p *points) {
		for _, peer := range r.Peers {
			p.put(truth(peer.Up), strconv.Itoa(int(peer.Peer)))
		}
	}},
	{"troupe_remote_frames_sent_total", counter, "{frame}", ofLane, "Frames sent to the node on the lane (control: votes, heartbeats, questions; bulk: entries, snapshots).", lanes(func(l *lane) float64 { return float64(l.FramesSent) })},
	{"troupe_remote_frames_received_total", counter, "{frame}", ofLane, "Frames received from it.", lanes(func(l *lane) float64 { return float64(l.FramesReceived) })},
	{"troupe_remote_bytes_sent_total", counter, "By", ofLane, "Bytes of the frames sent.", lanes(func(l *lane) float64 { return float64(l.BytesSent) })},
	{"troupe_remote_bytes_received_total", counter, "By", ofLane, "Bytes of the frames received.", lanes(func(l *lane) float64 { return float64(l.BytesReceived) })},
	{"troupe_remote_dropped_total", counter, "{message}", ofLane, "Raft messages that were not sent because the link was down or its window full.", lanes(func(l *lane) float64 { return float64(l.Dropped) })},
	{"troupe_remote_bytes_under_way", gauge, "By", ofLane, "Bytes sent and not known to have arrived.", lanes(func(l *lane) float64 { return float64(l.UnderWay) })},
}

var storageFamilies = []family{
	{"troupe_storage_disk_bytes", gauge, "By", nil, "What the store occupies on disk.", number(func(o *node.Observation) int64 { return o.Store.Disk })},
	{"troupe_storage_free_bytes", gauge, "By", nil, "What is left on its file system.", number(func(o *node.Observation) int64 { return o.Store.Free })},
	{"troupe_storage_live_bytes", gauge, "By", nil, "What of it counts: data of the entries and snapshots of replicas here. The rest is what was trimmed or deleted and is not given back yet, and what the store needs itself.",
		number(func(o *node.Observation) int64 { return o.Store.Live })},
	{"troupe_storage_reclaimed_bytes_total", counter, "By", nil, "What of the disk was given back because what it held does not count any more.", number(func(o *node.Observation) uint64 { return o.Store.Reclaimed })},
	{"troupe_storage_cache_bytes", gauge, "By", nil, "Committed records that are kept in memory for consumers close behind, by entries' size.", func(r *reading, p *points) {
		n := 0
		for i := range r.Replicas {
			n += r.Replicas[i].Standing.TailBytes
		}
		p.put(float64(n))
	}},
	{"troupe_storage_set_aside", gauge, "{store}", nil, "Damaged stores that the node put aside, and that are still there as evidence.", number(func(o *node.Observation) int { return len(o.SetAside) })},
	{"troupe_scrub_bytes_total", counter, "By", nil, "Bytes of what is stored that were read in the background and compared with length and checksum.", number(func(o *node.Observation) int64 { return o.Scrub.Bytes })},
	{"troupe_scrub_passes_total", counter, "{pass}", nil, "Times that all that is stored was looked through.", number(func(o *node.Observation) int64 { return o.Scrub.Passes })},
	{"troupe_scrub_damage_total", counter, "{replica}", nil, "Replicas found damaged by that, and damaged tables of the store.", number(func(o *node.Observation) int64 { return o.Scrub.Damaged })},
	{"troupe_storage_reads_total", counter, "{read}", []string{"source"}, "Reads of committed records for consumers, by where they were found: memory (hits of the cache) or store (misses).", func(r *reading, p *points) {
		p.put(float64(r.Meters.TailReads.Load()), "memory")
		p.put(float64(r.Meters.StoreReads.Load()), "store")
	}},
}

var nodeFamilies = []family{
	{"troupe_build_info", gauge, "1", []string{"version", "goversion", "node_id", "cluster_id"}, "1; the labels say what runs here.", func(r *reading, p *points) {
		p.put(1, r.Version, runtime.Version(), strconv.Itoa(int(r.Node)), r.ClusterID)
	}},
	{"troupe_node_joined", gauge, "1", nil, "1 once the node is a member that serves clients.", func(r *reading, p *points) { p.put(truth(r.Joined)) }},
	{"troupe_node_draining", gauge, "1", nil, "1 while the node hands its leaderships over.", func(r *reading, p *points) { p.put(truth(r.Draining)) }},
	{"troupe_nodes", gauge, "{node}", nil, "Nodes registered in the cluster, as this node knows it.", number(func(o *node.Observation) int { return len(o.Image.Nodes) })},
	{"troupe_nodes_up", gauge, "{node}", nil, "Of those, the ones that this node is linked to, itself included.", number(func(o *node.Observation) int { return o.NodesUp })},
	{"troupe_topics", gauge, "{topic}", nil, "Topics in the cluster, internal ones included.", number(func(o *node.Observation) int { return len(o.Image.Topics) })},
	{"troupe_metadata_index", gauge, "{entry}", nil, "Last entry of __meta that this node knows.", number(func(o *node.Observation) uint64 { return o.Image.Index })},
	{"troupe_metadata_leader", gauge, "1", nil, "1 on the node that leads __meta.", func(r *reading, p *points) { p.put(truth(r.MetaLeader == r.Node)) }},
	{"troupe_process_cpu_seconds_total", counter, "s", nil, "Processor time that the process has used.", func(_ *reading, p *points) { p.put(cpuSeconds()) }},
	{"troupe_process_goroutines", gauge, "{goroutine}", nil, "Goroutines.", func(_ *reading, p *points) { p.put(float64(runtime.NumGoroutine())) }},
	{"troupe_process_memory_bytes", gauge, "By", []string{"kind"}, "Memory that Go has taken from the system (total), and what its heap holds (heap).", func(_ *reading, p *points) {
		m := memory()
		for _, k := range slices.Sorted(keys(m)) {
			p.put(m[k], k)
		}
	}},
	{"troupe_process_gc_cycles_total", counter, "{cycle}", nil, "Garbage collections.", func(_ *reading, p *points) { p.put(gcCycles()) }},
}
