package server

import (
	"reflect"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// codeOf returns the first error code in an answer, 0 if there is none. The two that matter to
// throughput are looked through by hand.
func codeOf(response kmsg.Response) int16 {
	switch r := response.(type) {
	case *kmsg.ProduceResponse:
		for i := range r.Topics {
			for k := range r.Topics[i].Partitions {
				if c := r.Topics[i].Partitions[k].ErrorCode; c != 0 {
					return c
				}
			}
		}
		return 0
	case *kmsg.FetchResponse:
		if r.ErrorCode != 0 {
			return r.ErrorCode
		}
		for i := range r.Topics {
			for k := range r.Topics[i].Partitions {
				if c := r.Topics[i].Partitions[k].ErrorCode; c != 0 {
					return c
				}
			}
		}
		return 0
	}
	v := reflect.ValueOf(response).Elem()
	return planOf(v.Type()).code(v)
}

// plan is where the error codes of a type of answer lie.
type plan struct {
	own   int    // field of the type's own code, -1 if it has none
	lists []list // fields that are lists of what may have codes
}

type list struct {
	field int
	plan  *plan
}

var plans sync.Map // reflect.Type → *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	p := newPlan(t)
	plans.Store(t, p)
	return p
}

func newPlan(t reflect.Type) *plan {
	p := &plan{own: -1}
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Name == "ErrorCode" && f.Type.Kind() == reflect.Int16:
			p.own = i
		case f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.Struct:
			if inner := newPlan(f.Type.Elem()); inner.own >= 0 || len(inner.lists) > 0 {
				p.lists = append(p.lists, list{i, inner})
			}
		}
	}
	return p
}

func (p *plan) code(v reflect.Value) int16 {
	if p.own >= 0 {
		if c := int16(v.Field(p.own).Int()); c != 0 {
			return c
		}
	}
	for _, l := range p.lists {
		all := v.Field(l.field)
		for i := range all.Len() {
			if c := l.plan.code(all.Index(i)); c != 0 {
				return c
			}
		}
	}
	return 0
}
