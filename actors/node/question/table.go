package question

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Table knows who answers what on a node. It is filled before the links start.
type Table struct {
	here *local.Node
	by   map[string]answerer
}

// answerer answers one question.
type answerer struct {
	open   bool
	form   Form
	answer func(from metadata.NodeID, body []byte, reply func([]byte, error))
}

// Form is what of a question is written as JSON, so that tests hold it to its bytes; nil for what
// is written in another way, or not at all.
type Form struct {
	Name              string
	Request, Response reflect.Type
}

// NewTable makes a table that answers nothing yet.
func NewTable(here *local.Node) *Table { return &Table{here, make(map[string]answerer)} }

// Open reports whether a question is answered before the asking node was verified.
func (t *Table) Open(name string) bool { return t.by[name].open }

// Names are the questions that are answered, in order.
func (t *Table) Names() []string { return slices.Sorted(maps.Keys(t.by)) }

// Form returns what of a question is written as JSON.
func (t *Table) Form(name string) Form { return t.by[name].form }

// Answer answers a question of a node that may ask it. The body is not kept.
func (t *Table) Answer(from metadata.NodeID, name string, body []byte, reply func([]byte, error)) {
	a, known := t.by[name]
	if !known {
		reply(nil, fmt.Errorf("node %d does not know the question %q: is it of an older version?", t.here.ID, name))
		return
	}
	a.answer(from, body, reply)
}

// Answered has f answer a question, on the goroutine of the link: it must not block.
func (q Question[Req, Resp]) Answered(t *Table, f func(from metadata.NodeID, r Req) (Resp, error)) {
	q.AnsweredLater(t, func(from metadata.NodeID, r Req, reply func(Resp, error)) { reply(f(from, r)) })
}

// AnsweredAside has f answer a question on a goroutine of the node.
func (q Question[Req, Resp]) AnsweredAside(t *Table, f func(from metadata.NodeID, r Req) (Resp, error)) {
	q.AnsweredLater(t, func(from metadata.NodeID, r Req, reply func(Resp, error)) {
		if !t.here.Do(func() { reply(f(from, r)) }) {
			var none Resp
			reply(none, local.ErrStopping)
		}
	})
}

// AnsweredLater has f answer a question, whenever it calls reply, once. f must not block.
func (q Question[Req, Resp]) AnsweredLater(t *Table, f func(from metadata.NodeID, r Req, reply func(Resp, error))) {
	if _, twice := t.by[q.Name]; twice {
		panic("question: two handlers for " + q.Name)
	}
	t.by[q.Name] = answerer{
		open: q.Open,
		form: Form{q.Name, q.Request.form(), q.Response.form()},
		answer: func(from metadata.NodeID, body []byte, reply func([]byte, error)) {
			r, err := q.Request.decode(body)
			if err != nil {
				reply(nil, fmt.Errorf("the question %q could not be read: %w", q.Name, err))
				return
			}
			f(from, r, func(answer Resp, err error) {
				if err != nil {
					reply(nil, err)
					return
				}
				reply(q.Response.encode(answer))
			})
		},
	}
}
