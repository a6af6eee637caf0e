package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Delegation tokens (KIP-48) stand on authentication, which listeners do not have: everything about
// them is answered as by a Kafka broker without delegation.token.secret.key.

func createDelegationToken(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.CreateDelegationTokenResponse)
	r.ErrorCode = kerr.DelegationTokenAuthDisabled.Code
	c.Answer(r)
}

func renewDelegationToken(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.RenewDelegationTokenResponse)
	r.ErrorCode = kerr.DelegationTokenAuthDisabled.Code
	c.Answer(r)
}

func expireDelegationToken(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.ExpireDelegationTokenResponse)
	r.ErrorCode = kerr.DelegationTokenAuthDisabled.Code
	c.Answer(r)
}

func describeDelegationToken(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.DescribeDelegationTokenResponse)
	r.ErrorCode = kerr.DelegationTokenAuthDisabled.Code
	c.Answer(r)
}
