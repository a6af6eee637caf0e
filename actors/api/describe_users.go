package api

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
)

// describeUserSCRAMCredentials tells that no user has credentials: listeners take none (KIP-554).
func describeUserSCRAMCredentials(c *Call) {
	request := c.Body.(*kmsg.DescribeUserSCRAMCredentialsRequest)
	r := request.ResponseKind().(*kmsg.DescribeUserSCRAMCredentialsResponse)
	if err := c.ClusterWide(access.Describe); err != nil {
		r.ErrorCode, r.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		c.Answer(r)
		return
	}
	named := make(map[string]int)
	for _, u := range request.Users {
		named[u.Name]++
	}
	for _, u := range distinct(request.Users, func(u kmsg.DescribeUserSCRAMCredentialsRequestUser) string { return u.Name }) {
		out := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		out.User, out.ErrorCode = u.Name, kerr.ResourceNotFound.Code
		text := "Attempt to describe a user credential that does not exist: " + u.Name
		if named[u.Name] > 1 {
			out.ErrorCode = kerr.DuplicateResource.Code
			text = fmt.Sprintf("Cannot describe SCRAM credentials for the same user twice in a single request: %s", u.Name)
		}
		out.ErrorMessage = &text
		r.Results = append(r.Results, out)
	}
	c.Answer(r)
}

// describeClientQuotas tells that nobody has a quota (KIP-546).
func describeClientQuotas(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.DescribeClientQuotasResponse)
	if err := c.ClusterWide(access.DescribeConfigs); err != nil {
		r.ErrorCode, r.ErrorMessage = err.Kafka.Code, protocol.Detail(err)
		c.Answer(r)
		return
	}
	r.Entries = []kmsg.DescribeClientQuotasResponseEntry{}
	c.Answer(r)
}
