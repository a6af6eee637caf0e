package api

import (
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/actors/ledger"
	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Version notes
//
//	 3  transactional id; batches of magic 2
//	 5  log start offset
//	 8  error records and message (KIP-467)
//	10  current leader and its endpoint (KIP-951)
//	13  topic ids
//
// acks=1 is answered like acks=all: the leader's own word is worth nothing to Raft.

// producing is a produce request on its way: answered when the last of its partitions is, or when
// its time is up.
type producing struct {
	call     *Call
	response *kmsg.ProduceResponse
	acks     int16
	named    int // faulty records in the answer; the request's goroutine's

	mu   sync.Mutex
	left int // partitions without an outcome
	// gives back what the request holds: after the last outcome, though the client may have its answer
	// since long
	drop     func()
	answered bool
	timer    actors.Timer
	books    *ledger.Ledger
}

func produce(c *Call) {
	request := c.Body.(*kmsg.ProduceRequest)
	r := request.ResponseKind().(*kmsg.ProduceResponse)
	p := &producing{call: c, response: r, acks: request.Acks, left: 1, drop: c.pending.Hold(), books: c.Cluster.Ledger()}
	image, whole := p.call.Cluster.Image(), checkProduce(request)
	r.Topics = make([]kmsg.ProduceResponseTopic, len(request.Topics))
	for i := range request.Topics {
		p.topic(image, &request.Topics[i], &r.Topics[i], whole)
	}
	if request.Acks != 0 {
		p.until(time.Duration(request.TimeoutMillis) * time.Millisecond)
	}
	p.outcome(func() {})
}

// checkProduce tells why no part of a request can be carried out.
func checkProduce(r *kmsg.ProduceRequest) *protocol.Error {
	switch {
	case r.Acks < -1 || r.Acks > 1:
		return protocol.Errorf(kerr.InvalidRequiredAcks, "acks must be -1 (all), 0 or 1, not %d", r.Acks)
	case r.TransactionID != nil:
		return protocol.Errorf(kerr.TransactionalIDAuthorizationFailed, "transactions are not offered by this version")
	case transactional(r):
		return protocol.Errorf(kerr.TransactionalIDAuthorizationFailed, "a transactional batch needs the transactional id of its producer in the request")
	}
	return nil
}

// transactional reports whether a batch of the request says that it is part of a transaction.
func transactional(r *kmsg.ProduceRequest) bool {
	for i := range r.Topics {
		for k := range r.Topics[i].Partitions {
			b, _, ok := batch.Next(r.Topics[i].Partitions[k].Records)
			if ok && b.Transactional() {
				return true
			}
		}
	}
	return false
}

// until bounds the wait for the partitions.
func (p *producing) until(timeout time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left > 1 {
		p.timer = p.call.Cluster.Runtime().After(timeout, p.expire)
		p.books.Take(ledger.Waits, 1)
	}
}

// expire answers with what is known when the time is up.
func (p *producing) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.answered {
		return
	}
	for i := range p.response.Topics {
		for k := range p.response.Topics[i].Partitions {
			if part := &p.response.Topics[i].Partitions[k]; part.ErrorCode == unsettled {
				fail(part, protocol.Errorf(kerr.RequestTimedOut, "not committed in time: a majority of the replicas must be up"))
			}
		}
	}
	p.answer()
}

// unsettled marks a partition without an outcome.
const unsettled = -2

// outcome takes what became of a partition.
func (p *producing) outcome(set func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left--; p.left == 0 {
		defer p.drop()
	}
	if p.answered {
		return
	}
	set()
	if p.left == 0 {
		if p.timer != nil {
			p.timer.Stop()
		}
		p.answer()
	}
}

func (p *producing) answer() {
	p.answered = true
	if p.timer != nil {
		p.books.Give(ledger.Waits, 1)
	}
	if p.acks == 0 {
		p.keepSilent()
		return
	}
	p.call.Answer(p.response)
}

// keepSilent ends a request with acks=0. It is under way until its records are in the log all the
// same, or a client could fill the node's memory faster than its disk. The only way to tell of a
// failure is, as in Kafka, to close the connection: the client then looks for the leader.
func (p *producing) keepSilent() {
	for _, t := range p.response.Topics {
		for _, part := range t.Partitions {
			if part.ErrorCode != 0 {
				p.call.Refuse(fmt.Errorf("produce with acks=0 to %s-%d: %w", t.Topic, part.Partition, kerr.ErrorForCode(part.ErrorCode)))
				return
			}
		}
	}
	p.call.Answer(nil)
}

// topic starts the appends of one topic.
func (p *producing) topic(image *metadata.Image, request *kmsg.ProduceRequestTopic, out *kmsg.ProduceResponseTopic, whole *protocol.Error) {
	out.Topic, out.TopicID = request.Topic, request.TopicID
	out.Partitions = make([]kmsg.ProduceResponseTopicPartition, len(request.Partitions))
	t, unknown := p.call.TopicOf(image, request.Topic, request.TopicID, p.response.Version >= 13, access.Write)
	for k := range request.Partitions {
		part := &out.Partitions[k]
		*part = kmsg.NewProduceResponseTopicPartition()
		part.Partition = request.Partitions[k].Partition
		part.LogAppendTime, part.LogStartOffset, part.BaseOffset = -1, -1, -1
		err := whole
		if err == nil {
			err = unknown
		}
		if err == nil {
			err = p.partition(t, &request.Partitions[k], part)
		}
		if err != nil {
			fail(part, err)
		}
	}
}

func fail(part *kmsg.ProduceResponseTopicPartition, err *protocol.Error) {
	part.ErrorCode = err.Kafka.Code
	part.ErrorMessage = protocol.Detail(err)
}

// partition checks one partition's batch and sends it to the replica.
func (p *producing) partition(t *metadata.Topic, request *kmsg.ProduceRequestTopicPartition, part *kmsg.ProduceResponseTopicPartition) *protocol.Error {
	l, err := leading(p.call.Cluster, t, request.Partition, -1)
	if err != nil {
		p.mu.Lock() // another partition's outcome may hint at the same time
		defer p.mu.Unlock()
		p.hint(l.partition, part)
		return err
	}
	b, err := check(request.Records, p.response.Version)
	if err != nil {
		p.call.complain(t.Name, request.Partition, err)
		return err
	}
	door := newDoor(p.call.Cluster, t)
	door.names = mostNamed - p.named
	b, err = door.admit(b)
	p.named += len(door.faulty)
	if err != nil {
		if part.ErrorRecords = door.faulty; door.unreadable {
			p.call.complain(t.Name, request.Partition, err)
		}
		return err
	}
	if least := t.Settings().MinInSync; p.acks == -1 && len(l.view.InSync) < least {
		return protocol.Errorf(kerr.NotEnoughReplicas, "%d replicas are in sync, min.insync.replicas is %d", len(l.view.InSync), least)
	}
	part.ErrorCode = unsettled
	p.mu.Lock()
	p.left++
	p.mu.Unlock()
	p.books.Take(ledger.Records, 1)
	l.ref.Append(&replica.Records{Batches: b, Epoch: -1, StampTime: door.settings.AppendTime, Trace: p.call.trace(l.partition, b), Done: func(a replica.Appended) {
		p.books.Give(ledger.Records, 1)
		p.outcome(func() { p.settle(l.partition, part, a) })
	}})
	return nil
}

// check tells why the records of a partition are no batch that this version of the request may
// bring.
func check(records []byte, version int16) (batch.Batch, *protocol.Error) {
	if records == nil {
		return nil, protocol.Errorf(kerr.InvalidRecord, "no records were sent")
	}
	b, err := batch.Check(records)
	if err == nil && version < 7 && b.Codec() == zstd {
		err = protocol.Errorf(kerr.UnsupportedCompressionType, "zstd needs version 7 of Produce, this is version %d", version)
	}
	return b, err
}

func (p *producing) settle(at *metadata.Partition, part *kmsg.ProduceResponseTopicPartition, a replica.Appended) {
	part.ErrorCode = 0
	part.BaseOffset, part.LogAppendTime, part.LogStartOffset = a.BaseOffset, a.LogAppendTime, a.LogStart
	if a.Err != nil {
		fail(part, a.Err)
		if a.Err.Kafka == kerr.NotLeaderForPartition {
			p.hint(at, part)
		}
	}
}

// hint tells the client where to go instead.
func (p *producing) hint(at *metadata.Partition, part *kmsg.ProduceResponseTopicPartition) {
	if p.response.Version < 10 {
		return
	}
	h := p.call.hintFor(at)
	part.CurrentLeader.LeaderID, part.CurrentLeader.LeaderEpoch = h.node, h.epoch
	if h.node < 0 {
		return
	}
	for _, b := range p.response.Brokers {
		if b.NodeID == h.node {
			return
		}
	}
	b := kmsg.NewProduceResponseBroker()
	b.NodeID, b.Host, b.Port, b.Rack = h.node, h.endpoint.Host, h.endpoint.Port, h.rack
	p.response.Brokers = append(p.response.Brokers, b)
}
