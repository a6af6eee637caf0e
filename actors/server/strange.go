package server

import (
	"strings"
)

// stranger is a connection that speaks another protocol than Kafka's.
type stranger struct{ what string }

func (s *stranger) Error() string { return s.what }

// strange tells in words what the first four bytes of a request are if they are another protocol's;
// empty for what may be Kafka's. As a size they are some hundred MB, more than a request may have
// unless socket.request.max.bytes is set to it.
func strange(head []byte) string {
	if head[0] == 0x16 && head[1] == 3 && head[2] <= 4 {
		return "it begins a TLS handshake, and this listener is not encrypted: set the client's security.protocol to PLAINTEXT"
	}
	for method := range strings.FieldsSeq("GET HEAD POST PUT PATCH DELETE OPTIONS CONNECT PRI") {
		if strings.HasPrefix(method+" ", string(head)) {
			return "it sends HTTP, and this listener speaks Kafka's protocol: metrics and health are at metrics.listen"
		}
	}
	if string(head) == "SSH-" {
		return "it speaks SSH, and this listener Kafka's protocol"
	}
	return ""
}
