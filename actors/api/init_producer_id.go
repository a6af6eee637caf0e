package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// producerIDs hands out producer ids from a block that only this node has.
type producerIDs struct {
	cluster Cluster

	// taken while a block is fetched: who comes meanwhile wants one of it
	free      actors.Turn
	next, end int64
}

func newProducerIDs(c Cluster) *producerIDs {
	return &producerIDs{cluster: c, free: actors.NewTurn()}
}

// producerIDBlock is how many ids a node takes at once, as in Kafka.
const producerIDBlock = 1000

// initProducerID gives an idempotent producer its id. A producer that has one already and lost its
// place gets another epoch by getting another id, as in Kafka for producers without a transactional
// id.
func (ids *producerIDs) initProducerID(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.InitProducerIDRequest)
		r := request.ResponseKind().(*kmsg.InitProducerIDResponse)
		r.ProducerID, r.ProducerEpoch = -1, -1
		if request.TransactionalID != nil {
			// a final error: transactions are not offered by this version
			r.ErrorCode = kerr.TransactionalIDAuthorizationFailed.Code
			c.Answer(r)
			return
		}
		if err := c.mayProduce(); err != nil {
			r.ErrorCode = err.Kafka.Code
			c.Answer(r)
			return
		}
		id, err := ids.take(c)
		if err != nil {
			r.ErrorCode = protocol.Code(err)
		} else {
			r.ProducerID, r.ProducerEpoch = id, 0
		}
		c.Answer(r)
	})
}

// mayProduce tells why the client may not be an idempotent producer: it may neither write so at
// large, nor to any topic.
func (c *Call) mayProduce() *protocol.Error {
	if err := c.ClusterWide(access.IdempotentWrite); err != nil && !c.Cluster.Access().AllowsAny(c.From, access.Write, access.Topic) {
		return err
	}
	return nil
}

// blockTimeoutMS bounds how long a producer waits for a block of ids.
const blockTimeoutMS = 10_000

func (ids *producerIDs) take(c *Call) (int64, error) {
	ids.free.Enter(c.Cluster.Runtime())
	defer ids.free.Leave()
	if ids.next == ids.end {
		ctx, cancel := c.timeout(blockTimeoutMS)
		defer cancel()
		result, err := ids.cluster.Submit(ctx, metadata.Command{AllocateProducerIDs: &metadata.AllocateProducerIDs{Count: producerIDBlock}})
		if err != nil {
			return 0, protocol.Errorf(kerr.CoordinatorNotAvailable, "%v", err)
		}
		if result.Err != nil {
			return 0, result.Err
		}
		ids.next, ids.end = result.FirstProducerID, result.FirstProducerID+producerIDBlock
	}
	ids.next++
	return ids.next - 1, nil
}
