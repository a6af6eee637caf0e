package protocol

import (
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Error is a failure that a client is told about: one of Kafka's error codes and what is worth
// saying beside it. Cores return it; actors/api writes Code into answers. Any other error is
// UNKNOWN_SERVER_ERROR at that edge.
type Error struct {
	Kafka  *kerr.Error
	Detail string // says what was wrong and what to do about it; may be empty
}

// mostDetail is the most bytes of a detail. It often names what the client named, which may be a
// megabyte long, and a request may ask for ten thousand of it: the answers to all of them are held
// until the last is known.
const mostDetail = 2000

// Errorf returns an Error with one of kerr's codes and a formatted detail, of which no more than
// mostDetail bytes are kept.
func Errorf(kafka *kerr.Error, format string, args ...any) *Error {
	detail := fmt.Sprintf(format, args...)
	if len(detail) > mostDetail {
		detail = strings.ToValidUTF8(strings.Clone(detail[:mostDetail]), "") + "…"
	}
	return &Error{Kafka: kafka, Detail: detail}
}

// Error implements error.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Kafka.Message
	}
	return e.Kafka.Message + ": " + e.Detail
}

// Unwrap lets errors.Is find the kerr code.
func (e *Error) Unwrap() error { return e.Kafka }

// Code returns the code that stands for err in an answer: 0 for nil, UNKNOWN_SERVER_ERROR for an
// error without a code.
func Code(err error) int16 {
	if err == nil {
		return 0
	}
	var k *kerr.Error
	if errors.As(err, &k) {
		return k.Code
	}
	return kerr.UnknownServerError.Code
}

// Detail returns the text that goes into an answer's error message field, nil for nil.
func Detail(err error) *string {
	if err == nil {
		return nil
	}
	s := err.Error()
	var e *Error
	if errors.As(err, &e) && e.Detail != "" {
		s = e.Detail
	}
	return &s
}
