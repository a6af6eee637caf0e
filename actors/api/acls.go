package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// errNoAuthorizer is what Kafka answers to everything about ACLs where no authorizer is configured.
var errNoAuthorizer = protocol.Errorf(kerr.SecurityDisabled, "No Authorizer is configured.")

// describeACLs answers as a Kafka broker without an authorizer.
func describeACLs(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.DescribeACLsResponse)
	r.ErrorCode, r.ErrorMessage = errNoAuthorizer.Kafka.Code, protocol.Detail(errNoAuthorizer)
	c.Answer(r)
}

// createACLs refuses each ACL of a request.
func createACLs(c *Call) {
	request := c.Body.(*kmsg.CreateACLsRequest)
	r := request.ResponseKind().(*kmsg.CreateACLsResponse)
	for range request.Creations {
		out := kmsg.NewCreateACLsResponseResult()
		out.ErrorCode, out.ErrorMessage = errNoAuthorizer.Kafka.Code, protocol.Detail(errNoAuthorizer)
		r.Results = append(r.Results, out)
	}
	c.Answer(r)
}

// deleteACLs refuses each filter of a request.
func deleteACLs(c *Call) {
	request := c.Body.(*kmsg.DeleteACLsRequest)
	r := request.ResponseKind().(*kmsg.DeleteACLsResponse)
	for range request.Filters {
		out := kmsg.NewDeleteACLsResponseResult()
		out.ErrorCode, out.ErrorMessage = errNoAuthorizer.Kafka.Code, protocol.Detail(errNoAuthorizer)
		r.Results = append(r.Results, out)
	}
	c.Answer(r)
}
