package sim

import (
	"errors"
	"net"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// client is a Kafka client: a task of the clients' process with connections to the machines.
type client struct {
	world   *World
	name    string
	conns   map[metadata.NodeID]*connection
	leaders map[partition]metadata.NodeID
	epochs  map[partition]int32 // of the leaders
	ids     map[string]metadata.TopicID
}

// partition names a partition.
type partition struct {
	topic  string
	number int32
}

// connection is a client's connection to one life of a node.
type connection struct {
	to     *process
	closed chan struct{}
	state  *server.Connection
	last   instant // when what was sent last arrives
	back   instant
}

func (w *World) newClient(name string) *client {
	return &client{
		world: w, name: name, conns: make(map[metadata.NodeID]*connection),
		leaders: make(map[partition]metadata.NodeID), epochs: make(map[partition]int32), ids: make(map[string]metadata.TopicID),
	}
}

// Why a question has no answer. All of them leave open what became of it, but errRefused.
var (
	errRefused = errors.New("connection refused")
	errGone    = errors.New("connection lost")
	errLate    = errors.New("no answer in time")
)

func (c *client) rest(most time.Duration) { c.wait(c.world.upTo(most) + time.Millisecond) }

func (c *client) wait(d time.Duration, news ...<-chan struct{}) int {
	return runtime{c.world.clients}.Wait(d, news...)
}

// connect returns the connection to a machine, a new one if there is none that works.
func (c *client) connect(n metadata.NodeID) *connection {
	m := c.world.machines[n]
	if m == nil || m.process == nil || !m.process.open {
		return nil
	}
	p := m.process
	if k := c.conns[n]; k != nil && k.to == p && !isClosed(k.closed) {
		return k
	}
	closed := make(chan struct{})
	k := &connection{to: p, closed: closed, state: &server.Connection{Closed: closed, Values: map[string]any{}}}
	c.conns[n] = k
	c.world.load.connections = append(c.world.load.connections, k)
	return k
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// hangUp closes a connection.
func (k *connection) hangUp() {
	if !isClosed(k.closed) {
		close(k.closed)
	}
}

// disconnect ends all connections to a machine whose process ended.
func (w *World) disconnect(n metadata.NodeID) {
	if w.load == nil {
		return
	}
	kept := w.load.connections[:0]
	for _, k := range w.load.connections {
		switch {
		case isClosed(k.closed):
		case k.to.machine.id == n && !k.to.alive:
			w.after(w.upTo(resetAfter), k.hangUp)
		default:
			kept = append(kept, k)
		}
	}
	w.load.connections = kept
}

// question is a request that was sent.
type question struct {
	done     chan struct{}
	response kmsg.Response
	failed   error
	on       *connection
	silent   bool // it has no answer
}

// send sends a request; what is sent on one connection arrives in order.
func (c *client) send(n metadata.NodeID, r kmsg.Request) *question {
	w := c.world
	q := &question{done: make(chan struct{})}
	k := c.connect(n)
	if k == nil {
		q.failed = errRefused
		close(q.done)
		return q
	}
	q.on = k
	header := protocol.Header{Key: kmsg.Key(r.Key()), Version: r.GetVersion()}
	body := r.AppendTo(nil)
	k.last = max(w.now.plus(latencyLeast+w.upTo(latencyMore)), k.last+1)
	w.agenda.add(event{at: k.last, on: k.to, do: func() {
		if isClosed(k.closed) {
			return
		}
		w.mix(uint64(r.Key()))
		w.mixBytes(body)
		w.handle(k, header, body, q)
	}})
	return q
}

// addr is where a client comes from.
type addr string

func (a addr) Network() string { return "sim" }
func (a addr) String() string  { return string(a) }

var _ net.Addr = addr("")

// handle has a node answer a request.
func (w *World) handle(k *connection, h protocol.Header, body []byte, q *question) {
	request, err := protocol.ParseBody(h, body)
	if err != nil {
		panic(err) // the simulator's client is wrong
	}
	p := k.to
	pending := server.NewPending()
	p.pending = append(p.pending, asked{pending, request, w.now, func(answered *server.Pending) {
		w.answered(p, request, answered)
		k.back = max(w.now.plus(latencyLeast+w.upTo(latencyMore)), k.back+1)
		w.agenda.add(event{at: k.back, on: w.clients, do: func() {
			if isClosed(k.closed) || isClosed(q.done) {
				return
			}
			if w.permille(w.load.deaf) {
				k.hangUp()
				return
			}
			q.response = answered.Response()
			if q.response == nil && !q.silent || answered.Refused() != nil {
				q.failed = errGone
				k.hangUp()
			}
			close(q.done)
		}})
	}})
	p.handler.Handle(&server.Request{Body: request, ClientID: "sim", Client: addr("10.0.0.1:1"), Listener: "PLAINTEXT", Connection: k.state}, pending)
}

// answered looks at an answer that leaves a process.
func (w *World) answered(p *process, request kmsg.Request, pending *server.Pending) {
	r := pending.Response()
	if r == nil {
		return
	}
	w.mixBytes(r.AppendTo(nil))
	produced, ok := r.(*kmsg.ProduceResponse)
	if !ok {
		return
	}
	for i, t := range produced.Topics {
		for k, part := range t.Partitions {
			b, _, whole := batch.Next(request.(*kmsg.ProduceRequest).Topics[i].Partitions[k].Records)
			if part.ErrorCode == 0 && whole {
				w.promised(p, partition{p.topicName(t.Topic, t.TopicID), part.Partition}, part.BaseOffset+int64(b.LastOffsetDelta())+1)
			}
		}
	}
}

// topicName is the name of a topic that is named, or has an id.
func (p *process) topicName(name string, id metadata.TopicID) string {
	if name != "" {
		return name
	}
	for name, t := range p.node.Image().Topics {
		if t.ID == id {
			return name
		}
	}
	return ""
}

// promised holds an acknowledgement against what was committed: all that is below the high
// watermark of a leader was durable on a majority then.
func (w *World) promised(p *process, at partition, end int64) {
	part := p.node.Image().Partition(at.topic, at.number)
	if part == nil {
		return
	}
	high := int64(0)
	for _, m := range w.checks.shard(part.Shard).marks {
		high = max(high, m.high)
	}
	if end > high {
		w.violate(DurableFirst, "%s acknowledges %s-%d up to offset %d, but no more than %d was ever committed", p.name(), at.topic, at.number, end, high)
	}
}

// await waits for the answer to a question.
func (c *client) await(q *question, d time.Duration) (kmsg.Response, error) {
	var closed chan struct{}
	if q.on != nil {
		closed = q.on.closed
	}
	switch c.wait(d, q.done, closed) {
	case 0:
		return q.response, q.failed
	case 1:
		return nil, errGone
	}
	q.on.hangUp()
	return nil, errLate
}

// patience is how long a client waits for an answer.
const patience = 8 * time.Second

func (c *client) ask(n metadata.NodeID, r kmsg.Request) (kmsg.Response, error) {
	return c.await(c.send(n, r), patience)
}

// anyone is a machine to ask.
func (c *client) anyone() metadata.NodeID {
	return c.world.order[c.world.pick(len(c.world.order))]
}

// refresh learns who leads what from a node.
func (c *client) refresh() bool {
	r := kmsg.NewPtrMetadataRequest()
	r.Version = c.world.version(10, 13) // with ids and epochs
	answer, err := c.ask(c.anyone(), r)
	if err != nil {
		return false
	}
	clear(c.leaders)
	clear(c.epochs)
	clear(c.ids)
	for _, t := range answer.(*kmsg.MetadataResponse).Topics {
		if t.ErrorCode != 0 || t.Topic == nil {
			continue
		}
		c.ids[*t.Topic] = t.TopicID
		for _, p := range t.Partitions {
			if p.ErrorCode == 0 && p.Leader >= 0 {
				c.leaders[partition{*t.Topic, p.Partition}], c.epochs[partition{*t.Topic, p.Partition}] = p.Leader, p.LeaderEpoch
			}
		}
	}
	return true
}

// leader returns who leads a partition, asking around until somebody knows; false if nobody does.
func (c *client) leader(p partition) (metadata.NodeID, bool) {
	for range 3 {
		if n, ok := c.leaders[p]; ok {
			return n, true
		}
		c.refresh()
		if n, ok := c.leaders[p]; ok {
			return n, true
		}
		c.rest(300 * time.Millisecond)
	}
	return 0, false
}

// version is one of those that are spoken.
func (w *World) version(least, most int16) int16 { return least + int16(w.pick(int(most-least)+1)) }

// retriable reports whether an error invites another try.
func retriable(code int16) bool {
	e := kerr.TypedErrorForCode(code)
	return e != nil && e.Retriable
}
