package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// saslHandshake answers a client that is set up for SASL on a listener without it, as Kafka does,
// so that the client can tell its user.
func saslHandshake(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.SASLHandshakeResponse)
	r.ErrorCode = kerr.IllegalSaslState.Code
	r.SupportedMechanisms = []string{}
	c.Answer(r)
}

// saslAuthenticate refuses what could only follow a handshake.
func saslAuthenticate(c *Call) {
	r := c.Body.ResponseKind().(*kmsg.SASLAuthenticateResponse)
	r.ErrorCode = kerr.IllegalSaslState.Code
	r.ErrorMessage = kmsg.StringPtr("this listener asks for no authentication: set the client's security.protocol to PLAINTEXT")
	r.SASLAuthBytes = []byte{}
	c.Answer(r)
}
