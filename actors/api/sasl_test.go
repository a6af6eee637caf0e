package api

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSASLIsRefusedInWords(t *testing.T) {
	c := &bounded{operate(t, 3), 1000}
	shake, token := kmsg.NewPtrSASLHandshakeRequest(), kmsg.NewPtrSASLAuthenticateRequest()
	shake.Version, shake.Mechanism = 1, "PLAIN"
	if r := answer[*kmsg.SASLHandshakeResponse](t, c, saslHandshake, shake); r.ErrorCode != kerr.IllegalSaslState.Code || r.SupportedMechanisms == nil {
		t.Errorf("a handshake: %+v", r)
	}
	token.Version = 2
	if r := answer[*kmsg.SASLAuthenticateResponse](t, c, saslAuthenticate, token); r.ErrorCode != kerr.IllegalSaslState.Code || r.ErrorMessage == nil || r.SASLAuthBytes == nil {
		t.Errorf("a token: %+v", r)
	}
}
