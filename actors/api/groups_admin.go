package api

import (
	"math"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/group"
)

// offsetDelete deletes committed offsets of a group.
func (g *groupAPI) offsetDelete(c *Call) {
	request := c.Body.(*kmsg.OffsetDeleteRequest)
	g.groups.Do(request.Group, func(_ int64, core *group.Coordinator) {
		core.DeleteOffsets(request, c.Answer)
	}, func(err *protocol.Error) {
		r := request.ResponseKind().(*kmsg.OffsetDeleteResponse)
		r.ErrorCode = err.Kafka.Code
		c.Answer(r)
	})
}

// describeGroups describes groups.
func (g *groupAPI) describeGroups(c *Call) {
	request := c.Body.(*kmsg.DescribeGroupsRequest)
	r := request.ResponseKind().(*kmsg.DescribeGroupsResponse)
	groups := distinct(request.Groups, func(id string) string { return id })
	r.Groups = make([]kmsg.DescribeGroupsResponseGroup, len(groups))
	all := &several{left: len(groups) + 1, done: func() { c.Answer(r) }}
	for i, id := range groups {
		g.groups.Do(id, func(_ int64, core *group.Coordinator) {
			out := core.Describe(id, request.Version)
			if out.ErrorCode == 0 {
				out.AuthorizedOperations = operationsIf(request.IncludeAuthorizedOperations, groupOperations)
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

// listGroups lists the groups that this node coordinates (KIP-518, KIP-848).
func (g *groupAPI) listGroups(c *Call) {
	request := c.Body.(*kmsg.ListGroupsRequest)
	r := request.ResponseKind().(*kmsg.ListGroupsResponse)
	all := &several{left: 1, done: func() { c.Answer(r) }}
	// Answers may come before it is known how many there will be, so the count starts at what cannot
	// be reached.
	all.left = math.MaxInt32
	asked := g.groups.Each(func(_ int64, core *group.Coordinator) {
		groups := core.List(request.StatesFilter, request.TypesFilter)
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
func (g *groupAPI) deleteGroups(c *Call) {
	request := c.Body.(*kmsg.DeleteGroupsRequest)
	r := request.ResponseKind().(*kmsg.DeleteGroupsResponse)
	r.Groups = make([]kmsg.DeleteGroupsResponseGroup, len(request.Groups))
	all := &several{left: len(request.Groups) + 1, done: func() { c.Answer(r) }}
	for i, id := range request.Groups {
		out := &r.Groups[i]
		*out = kmsg.NewDeleteGroupsResponseGroup()
		out.Group = id
		g.groups.Do(id, func(_ int64, core *group.Coordinator) {
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
