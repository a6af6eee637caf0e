// Package question is what nodes ask each other, with types: a Question is declared once, asked
// with Ask, and answered by whoever registered a handler for it in the node's Table.
//
// Invariants: a name on the wire belongs to one question; a question that is not Open is answered
// to nobody who was not verified to be a member, which whoever hands questions to the Table sees
// to; every question is answered exactly once. What nodes of two builds say to each other stays as
// it is: names and JSON do not change, fields may be added, and those that a build does not know it
// keeps where they are handed on (metadata.Unmarshal).
package question

import (
	"context"
	"fmt"
	"reflect"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// Question is one that nodes put to each other.
type Question[Req, Resp any] struct {
	Name string // on the wire
	// Open questions are answered before the asking node was verified to be a member of the cluster:
	// those alone by which nodes recognise each other, and one asks to be let in.
	Open bool
	// Request and Response are written as JSON, or nothing for Nothing, unless they say otherwise.
	Request  Codec[Req]
	Response Codec[Resp]
}

// Nothing is what a question says that has no more than its name, and an answer that has no more
// than being one.
type Nothing struct{}

// Codec writes and reads values; the zero value does so as JSON.
type Codec[T any] struct {
	Encode func(T) ([]byte, error)
	Decode func([]byte) (T, error)
}

func (c Codec[T]) encode(v T) ([]byte, error) {
	switch _, none := any(v).(Nothing); {
	case none:
		return nil, nil
	case c.Encode != nil:
		return c.Encode(v)
	}
	return metadata.Marshal(v)
}

func (c Codec[T]) decode(b []byte) (v T, err error) {
	switch _, none := any(v).(Nothing); {
	case none:
		return v, nil
	case c.Decode != nil:
		return c.Decode(b)
	}
	return v, metadata.Unmarshal(b, &v)
}

// form is the type that is written as JSON, nil if it is written in another way.
func (c Codec[T]) form() reflect.Type {
	if t := reflect.TypeFor[T](); c.Encode == nil && t != reflect.TypeFor[Nothing]() {
		return t
	}
	return nil
}

// Links carry questions to a peer.
type Links interface {
	Ask(ctx context.Context, to metadata.NodeID, kind string, body []byte) ([]byte, error)
}

// Ask puts the question to a node and waits for the answer, no longer than ctx. What the other side
// refuses is a *remote.RemoteError.
func (q Question[Req, Resp]) Ask(ctx context.Context, links Links, to metadata.NodeID, r Req) (Resp, error) {
	return q.AskBy(r, func(body []byte) ([]byte, error) { return links.Ask(ctx, to, q.Name, body) })
}

// AskBy is Ask on a way of its own.
func (q Question[Req, Resp]) AskBy(r Req, ask func(body []byte) ([]byte, error)) (answer Resp, err error) {
	body, err := q.Request.encode(r)
	if err != nil {
		return answer, err
	}
	b, err := ask(body)
	if err != nil {
		return answer, err
	}
	if answer, err = q.Response.decode(b); err != nil {
		return answer, fmt.Errorf("the answer to the question %q could not be read: %w", q.Name, err)
	}
	return answer, nil
}
