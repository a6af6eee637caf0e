package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
)

// errNoAuthorizer is what Kafka answers to everything about ACLs where no authorizer is configured.
var errNoAuthorizer = protocol.Errorf(kerr.SecurityDisabled, "No Authorizer is configured.")

// noAuthorizer is the answer to who may do something to the cluster, or that they may not.
func (c *Call) noAuthorizer(o access.Operation) *protocol.Error {
	if err := c.ClusterWide(o); err != nil {
		return err
	}
	return errNoAuthorizer
}

// describeACLs answers as a Kafka broker without an authorizer.
func describeACLs(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.DescribeACLsResponse)
	err := c.noAuthorizer(access.Describe)
	r.ErrorCode, r.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
	c.Answer(r)
}

// createACLs refuses each ACL of a request.
func createACLs(c *Call) {
	request := c.Body.(*kmsg.CreateACLsRequest)
	r := request.ResponseKind().(*kmsg.CreateACLsResponse)
	err := c.noAuthorizer(access.Alter)
	for range request.Creations {
		out := kmsg.NewCreateACLsResponseResult()
		out.ErrorCode, out.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		r.Results = append(r.Results, out)
	}
	c.Answer(r)
}

// deleteACLs refuses each filter of a request.
func deleteACLs(c *Call) {
	request := c.Body.(*kmsg.DeleteACLsRequest)
	r := request.ResponseKind().(*kmsg.DeleteACLsResponse)
	err := c.noAuthorizer(access.Alter)
	for range request.Filters {
		out := kmsg.NewDeleteACLsResponseResult()
		out.ErrorCode, out.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		r.Results = append(r.Results, out)
	}
	c.Answer(r)
}
