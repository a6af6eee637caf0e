package api

import (
	"math"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// offsetDelete deletes committed offsets of a group.
func offsetDelete(c *Call) {
	request := c.Body.(*kmsg.OffsetDeleteRequest)
	some := len(request.Topics) > 0
	denied := c.keepDeletable(request)
	if some && len(request.Topics) == 0 && c.may(access.Delete, access.Group, request.Group) {
		r := request.ResponseKind().(*kmsg.OffsetDeleteResponse)
		r.Topics = denied
		c.Answer(r) // nothing is left to be deleted
		return
	}
	c.Group(request.Group, access.Delete).Do(func(_ int64, core *group.Coordinator) {
		core.DeleteOffsets(request, func(r kmsg.Response) {
			out := r.(*kmsg.OffsetDeleteResponse)
			out.Topics = append(out.Topics, denied...)
			c.Answer(out)
		})
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.OffsetDeleteResponse)
		r.ErrorCode = err.Kafka.Code
		c.Answer(r)
	})
}

// keepDeletable leaves of a request the topics that the client may read, and returns the answers
// for the others.
func (c *Call) keepDeletable(request *kmsg.OffsetDeleteRequest) (denied []kmsg.OffsetDeleteResponseTopic) {
	request.Topics = slices.DeleteFunc(request.Topics, func(t kmsg.OffsetDeleteRequestTopic) bool {
		if c.may(access.Read, access.Topic, t.Topic) {
			return false
		}
		out := kmsg.NewOffsetDeleteResponseTopic()
		out.Topic = t.Topic
		for _, p := range t.Partitions {
			out.Partitions = append(out.Partitions, kmsg.OffsetDeleteResponseTopicPartition{Partition: p.Partition, ErrorCode: errTopicDenied.Kafka.Code})
		}
		denied = append(denied, out)
		return true
	})
	return denied
}

// describeGroups describes groups.
func describeGroups(c *Call) {
	request := c.Body.(*kmsg.DescribeGroupsRequest)
	r := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
	groups := distinct(request.Groups, func(id string) string { return id })
	r.Groups = make([]kmsg.DescribeGroupsResponseGroup, len(groups))
	all := &several{left: len(groups) + 1, done: func() { c.Answer(r) }}
	for i, id := range groups {
		c.Group(id, access.Describe).Do(func(_ int64, core *group.Coordinator) {
			out := core.Describe(id, request.Version)
			if out.ErrorCode == 0 {
				out.AuthorizedOperations = c.operations(request.IncludeAuthorizedOperations, access.Resource{Kind: access.Group, Name: id})
			}
			core.When(id, func(err *kerr.Error) {
				if err != nil {
					out = undescribed(id, err)
				}
				all.one(func() { r.Groups[i] = out })
			})
		}, func(err *protocol.Error) {
			all.one(func() { r.Groups[i] = undescribed(id, err.Kafka) })
		})
	}
	all.one(func() {})
}

func undescribed(id string, err *kerr.Error) kmsg.DescribeGroupsResponseGroup {
	out := kmsg.NewDescribeGroupsResponseGroup()
	out.Group, out.ErrorCode, out.AuthorizedOperations = id, err.Code, math.MinInt32
	return out
}

// listGroups lists the groups that this node coordinates (KIP-518, KIP-848), as far as the client
// may describe them, or the cluster.
func listGroups(c *Call) {
	request := c.Body.(*kmsg.ListGroupsRequest)
	r := request.ResponseKind().(*kmsg.ListGroupsResponse)
	all := &several{left: 1, done: func() { c.Answer(r) }}
	// Answers may come before it is known how many there will be, so the count starts at what cannot
	// be reached.
	all.left = math.MaxInt32
	whole := c.ClusterWide(access.Describe) == nil
	hidden := func(g kmsg.ListGroupsResponseGroup) bool {
		return !whole && !c.may(access.Describe, access.Group, g.Group)
	}
	asked := c.Coordinators(func(_ int64, core *group.Coordinator) {
		groups := slices.DeleteFunc(core.List(request.StatesFilter, request.TypesFilter), hidden)
		core.WhenAll(func(err *kerr.Error) {
			all.one(func() {
				if err == nil {
					r.Groups = append(r.Groups, groups...)
				}
			})
		})
	}, func(err *protocol.Error) {
		all.one(func() {
			if err.Kafka == kerr.CoordinatorLoadInProgress {
				r.ErrorCode = err.Kafka.Code
			}
		})
	})
	all.one(func() { all.left -= math.MaxInt32 - asked - 1 })
}

// deleteGroups deletes groups without members.
func deleteGroups(c *Call) {
	request := c.Body.(*kmsg.DeleteGroupsRequest)
	r := request.ResponseKind().(*kmsg.DeleteGroupsResponse)
	r.Groups = make([]kmsg.DeleteGroupsResponseGroup, len(request.Groups))
	all := &several{left: len(request.Groups) + 1, done: func() { c.Answer(r) }}
	for i, id := range request.Groups {
		out := &r.Groups[i]
		*out = kmsg.NewDeleteGroupsResponseGroup()
		out.Group = id
		c.Group(id, access.Delete).Do(func(_ int64, core *group.Coordinator) {
			core.Delete(id, func(err *kerr.Error) {
				all.one(func() {
					if err != nil {
						out.ErrorCode, out.ErrorMessage = err.Code, &err.Description
					}
				})
			})
		}, func(err *protocol.Error) {
			all.one(func() { out.ErrorCode, out.ErrorMessage = err.Kafka.Code, protocol.Detail(err) })
		})
	}
	all.one(func() {})
}
