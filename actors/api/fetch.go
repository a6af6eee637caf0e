package api

import (
	"bytes"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	 4  isolation level, last stable offset
//	 5  log start offset
//	 7  fetch sessions (KIP-227)
//	 9  current leader epoch (KIP-320)
//	11  rack, preferred read replica (KIP-392)
//	12  current leader of a partition that moved
//	13  topic ids (KIP-516)
//	15  replica state instead of replica id
//	16  endpoints of current leaders (KIP-951)
//	17  replica directory id
//	18  high watermark of the replica

// fetching is a fetch on its way.
type fetching struct {
	call        *Call
	request     *kmsg.FetchRequest
	session     *fetchSession
	epoch       int32           // of the session while this is its newest fetch
	advanced    <-chan struct{} // closed when it no longer is
	partitions  int             // that it reads
	incremental bool
	sessions    *fetchSessions
	// set if there was no room for the answer: closed when it is worth another try
	later <-chan struct{}
}

// fetch answers at once if there is enough, an error, or no time to wait; else it waits on a
// goroutine of its own.
func (s *fetchSessions) fetch(c *Call) {
	f := &fetching{call: c, request: c.Body.(*kmsg.FetchRequest), sessions: s}
	if err := f.open(); err != nil {
		f.refuse(err)
		return
	}
	crowded := s.begin(f.partitions)
	if answer := f.try(f.request.MaxWaitMillis <= 0 || crowded); answer != nil {
		f.finish(answer)
		return
	}
	c.Go(f.wait)
}

// open finds or makes the session that the fetch belongs to. A fetch without a session gets one
// that is not kept (id 0).
func (f *fetching) open() *protocol.Error {
	r := f.request
	if f.incremental = r.Version >= 7 && r.SessionEpoch != 0 && r.SessionEpoch != -1; f.incremental {
		return f.resume()
	}
	if r.SessionID != 0 {
		f.sessions.close(r.SessionID)
	}
	f.session = newFetchSession()
	if n := asked(r); n > f.sessions.most() {
		return protocol.Errorf(kerr.InvalidRequest, "a fetch of %d partitions is more than the %d that there is memory for", n, f.sessions.most())
	}
	f.session.update(r)
	if r.Version >= 7 && r.SessionEpoch == 0 {
		f.sessions.watch(f.call)
		f.sessions.keep(f.session, f.call.Connection.Closed)
	}
	f.epoch, f.advanced, f.partitions = f.session.epoch, f.session.advanced, f.session.order.Len()
	return nil
}

// asked is how many partitions a request names.
func asked(r *kmsg.FetchRequest) (n int) {
	for _, t := range r.Topics {
		n += len(t.Partitions)
	}
	return n
}

// resume goes on with a session. One that is to become larger than there is memory for ends; its
// client begins anew.
func (f *fetching) resume() (err *protocol.Error) {
	r := f.request
	f.sessions.watch(f.call)
	if f.session, err = f.sessions.find(r.SessionID, f.call.Connection.Closed); err != nil {
		return err
	}
	f.session.mu.Lock()
	defer f.session.mu.Unlock()
	if err := f.session.advance(r.SessionEpoch); err != nil {
		return err
	}
	before, most := f.session.bytes, f.session.additions(r)
	if !f.sessions.grow(f.session, most) {
		return errNoSession(r.SessionID)
	}
	f.session.update(r)
	f.sessions.grow(f.session, f.session.bytes-before-most) // what is forgotten, and named twice
	f.epoch, f.advanced, f.partitions = f.session.epoch, f.session.advanced, f.session.order.Len()
	return nil
}

func (f *fetching) refuse(err *protocol.Error) {
	r := f.request.ResponseKind().(*kmsg.FetchResponse)
	if f.request.Version < 7 { // has no place for an error of the whole
		f.call.Refuse(err)
		return
	}
	r.ErrorCode = err.Kafka.Code
	f.call.Answer(r)
}

// finish answers.
func (f *fetching) finish(r *kmsg.FetchResponse) {
	f.sessions.end(f.partitions)
	f.call.Answer(r)
}

// wait looks again whenever one of the partitions shows something new, until there is enough or the
// time is up.
func (f *fetching) wait() {
	news := make(chan struct{}, 1)
	wake := func() {
		select {
		case news <- struct{}{}:
		default:
		}
	}
	for _, ref := range f.refs() {
		defer ref.Watch(wake)()
	}
	r := f.call.Cluster.Runtime()
	end := r.Now().Add(time.Duration(f.request.MaxWaitMillis) * time.Millisecond)
	last := false
	for {
		if answer := f.try(last); answer != nil {
			f.finish(answer)
			return
		}
		last = f.await(max(end.Sub(r.Now()), 0), news)
	}
}

// await waits for something new, or for room if that was missing; true if the time is up.
func (f *fetching) await(d time.Duration, news <-chan struct{}) bool {
	if f.later != nil {
		news = f.later // what is new does not help
	}
	return f.call.Cluster.Runtime().Wait(d, news, f.call.Connection.Closed, f.advanced) != 0
}

// refs are the replicas that the fetch reads from.
func (f *fetching) refs() []*replica.Ref {
	f.session.mu.Lock()
	defer f.session.mu.Unlock()
	image := f.call.Cluster.Image()
	var refs []*replica.Ref
	for e := f.session.order.Front(); e != nil; e = e.Next() {
		key := e.Value.(*fetched).key
		if t, err := f.call.TopicOf(image, key.topic, key.id, f.request.Version >= 13, access.Read); err == nil {
			if p, err := partitionOf(t, key.partition); err == nil {
				if ref := f.call.Cluster.Replica(p.Shard); ref != nil {
					refs = append(refs, ref)
				}
			}
		}
	}
	return refs
}

// gathered is what one look at the partitions brings.
type gathered struct {
	response *kmsg.FetchResponse
	topics   map[fetchKey]int // index in response.Topics, by topic
	room     int              // most bytes of records
	bytes    int
	// a partition has something to say that does not wait: an error, or another replica to read from
	failed bool
	handed []handed
	moved  []*fetched // gave records: they go last next time
}

// try looks at all partitions once. It returns nil if the client would rather wait; last says that
// there is no time left.
func (f *fetching) try(last bool) *kmsg.FetchResponse {
	f.session.mu.Lock()
	defer f.session.mu.Unlock()
	if f.session.epoch != f.epoch {
		return f.superseded()
	}
	begin := f.look()
	var room int
	if room, f.later = f.call.pending.Room(f.maxBytes()); room == 0 && !last {
		return nil
	}
	g := &gathered{response: f.request.ResponseKind().(*kmsg.FetchResponse), topics: make(map[fetchKey]int), room: room}
	g.response.SessionID = f.session.id
	image := f.call.Cluster.Image()
	var parts []part
	for e := f.session.order.Front(); e != nil; e = e.Next() {
		want := e.Value.(*fetched)
		got, ref := f.partition(image, want, g, last)
		parts = append(parts, part{want, got, ref})
	}
	f.call.pending.Took(g.bytes)
	if !last && !g.failed && g.bytes < min(int(f.request.MinBytes), g.room) {
		f.call.pending.Took(0)
		return nil
	}
	for _, p := range parts {
		f.add(g, p)
		if n := len(p.got.RecordBatches); n > 0 {
			p.ref.Fetched(n)
		}
	}
	for _, h := range g.handed {
		f.call.pending.Hand(h.of, begin, h.at)
	}
	for _, want := range g.moved {
		f.session.order.MoveToBack(want.element)
	}
	return g.response
}

// superseded answers a fetch after which its session has had another one. The caller holds the
// session's mutex.
func (f *fetching) superseded() *kmsg.FetchResponse {
	r := f.request.ResponseKind().(*kmsg.FetchResponse)
	r.ErrorCode = errEpoch(f.session.epoch, f.epoch).Kafka.Code
	return r
}

// part is one partition's answer.
type part struct {
	want *fetched
	got  kmsg.FetchResponseTopicPartition
	ref  *replica.Ref // that it was read from
}

// partition reads one partition as far as the answer has room.
func (f *fetching) partition(image *metadata.Image, want *fetched, g *gathered, last bool) (kmsg.FetchResponseTopicPartition, *replica.Ref) {
	out := kmsg.NewFetchResponseTopicPartition()
	out.Partition, out.PreferredReadReplica = want.key.partition, -1
	out.HighWatermark, out.LastStableOffset, out.LogStartOffset = -1, -1, -1
	out.RecordBatches = []byte{} // as Kafka: empty, never null
	t, err := f.call.TopicOf(image, want.key.topic, want.key.id, f.request.Version >= 13, access.Read)
	var l led
	if err == nil {
		l, err = reading(f.call.Cluster, t, want.key.partition, want.want.CurrentLeaderEpoch, f.request.Version)
	}
	if err != nil {
		g.failed = true
		out.ErrorCode = err.Kafka.Code
		f.hint(l.partition, &out, g)
		return out, nil
	}
	out.HighWatermark, out.LastStableOffset, out.LogStartOffset = l.view.HighWatermark, l.view.LastStable, l.view.LogStart
	if near, ok := f.nearer(image, l); ok {
		g.failed, out.PreferredReadReplica = true, near
		return out, nil
	}
	if l.view.Role != replica.Leader && want.want.FetchOffset > l.view.HighWatermark && !last {
		return out, nil // the leader has told this consumer of more than has come here: it comes soon
	}
	if want.want.FetchOffset > l.view.HighWatermark && want.want.FetchOffset <= l.view.LogEnd() {
		return out, l.ref // another replica knew sooner that they are committed (see LogEnd)
	}
	f.read(l.view, want, &out, g)
	g.trace(l.view, l.partition, want.want.FetchOffset, out.RecordBatches)
	return out, l.ref
}

// nearer returns another node that the consumer should read from because it is in its rack; the
// leader alone sends anybody anywhere.
func (f *fetching) nearer(image *metadata.Image, l led) (metadata.NodeID, bool) {
	c := f.call.Cluster
	if f.request.Version < 11 || f.request.Rack == "" || l.view.Role != replica.Leader || !image.Broker().RackAware {
		return 0, false
	}
	return nearest(image, l, f.request.Rack, f.call.ClientID, c.Self(), c.Alive)
}

func (f *fetching) read(v *replica.View, want *fetched, out *kmsg.FetchResponseTopicPartition, g *gathered) {
	upto := v.HighWatermark
	if f.request.IsolationLevel == 1 {
		upto = v.LastStable
		out.AbortedTransactions = []kmsg.FetchResponseTopicPartitionAbortedTransaction{}
	}
	room := min(int(want.want.PartitionMaxBytes), g.room-g.bytes)
	if g.room == 0 || room <= 0 && g.bytes > 0 {
		return
	}
	if diverging(v, want.want, out) {
		g.failed = true
		return
	}
	chunks, err := v.Read(want.want.FetchOffset, replica.FetchLimits{MaxBytes: room, MinOne: g.bytes == 0, Upto: upto})
	if err != nil {
		g.failed = true
		out.ErrorCode = protocol.Code(err)
		return
	}
	out.RecordBatches = joined(chunks)
	g.bytes += len(out.RecordBatches)
	if len(out.RecordBatches) > 0 {
		g.moved = append(g.moved, want)
	}
}

func (f *fetching) maxBytes() int {
	return min(int(f.request.MaxBytes), f.call.Cluster.Image().Broker().FetchMaxBytes)
}

// joined returns chunks as one; a single one as it is.
func joined(chunks []replica.Chunk) []byte {
	switch len(chunks) {
	case 0:
		return []byte{}
	case 1:
		return chunks[0]
	}
	all := make([][]byte, len(chunks))
	for i, c := range chunks {
		all[i] = c
	}
	return bytes.Join(all, nil)
}

// add puts a partition into the answer; in an incremental one only if the client does not know it
// all.
func (f *fetching) add(g *gathered, p part) {
	changed := !p.want.told || p.got.ErrorCode != 0 || p.got.PreferredReadReplica >= 0 || len(p.got.RecordBatches) > 0 || p.got.DivergingEpoch.Epoch >= 0 ||
		p.want.hw != p.got.HighWatermark || p.want.start != p.got.LogStartOffset || p.want.lso != p.got.LastStableOffset
	if f.incremental && !changed {
		return
	}
	p.want.told = p.got.ErrorCode == 0
	p.want.hw, p.want.start, p.want.lso = p.got.HighWatermark, p.got.LogStartOffset, p.got.LastStableOffset
	key := fetchKey{topic: p.want.key.topic, id: p.want.key.id}
	at, ok := g.topics[key]
	if !ok {
		at = len(g.response.Topics)
		g.topics[key] = at
		t := kmsg.NewFetchResponseTopic()
		t.Topic, t.TopicID = key.topic, key.id
		g.response.Topics = append(g.response.Topics, t)
	}
	g.response.Topics[at].Partitions = append(g.response.Topics[at].Partitions, p.got)
}

// hint tells the client where to go instead.
func (f *fetching) hint(at *metadata.Partition, out *kmsg.FetchResponseTopicPartition, g *gathered) {
	if out.ErrorCode != kerr.NotLeaderForPartition.Code && out.ErrorCode != kerr.FencedLeaderEpoch.Code {
		return
	}
	if f.request.Version < 12 {
		return
	}
	h := f.call.hintFor(at)
	out.CurrentLeader.LeaderID, out.CurrentLeader.LeaderEpoch = h.node, h.epoch
	if f.request.Version < 16 || h.node < 0 {
		return
	}
	for _, b := range g.response.Brokers {
		if b.NodeID == h.node {
			return
		}
	}
	b := kmsg.NewFetchResponseBroker()
	b.NodeID, b.Host, b.Port, b.Rack = h.node, h.endpoint.Host, h.endpoint.Port, h.rack
	g.response.Brokers = append(g.response.Brokers, b)
}
