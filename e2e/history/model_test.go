package history

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// operation lasts from call to end; an Append that nobody answered lasts for ever.
func operation(client int, call, end int64, in, out any) porcupine.Operation {
	return porcupine.Operation{ClientId: client, Input: in, Call: call, Output: out, Return: end}
}

func TestPartitionModel(t *testing.T) {
	ack := func(o int64) Appended { return Appended{Acked, o} }
	unknown := Appended{Outcome: Unknown}
	for _, test := range []struct {
		name   string
		ops    []porcupine.Operation
		strict bool
		want   bool
	}{
		{"in order", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, ack(0)), operation(0, 2, 3, Append{"b"}, ack(1)),
			operation(1, 4, 5, Read{0}, Values{[]string{"a", "b"}, 2}),
		}, true, true},
		{"an acknowledged record is gone", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, ack(0)), operation(1, 2, 3, Read{0}, Values{nil, 0}),
		}, true, false},
		{"a late read is allowed when not strict", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, ack(0)), operation(1, 2, 3, Read{0}, Values{nil, 0}),
		}, false, true},
		{"an offset twice", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, ack(0)), operation(1, 2, 3, Append{"b"}, ack(0)),
		}, false, false},
		{"unknown, and it happened late", []porcupine.Operation{
			operation(0, 0, math.MaxInt64, Append{"a"}, unknown), operation(1, 2, 3, Append{"b"}, ack(0)),
			operation(1, 4, 5, Append{"c"}, ack(2)), operation(1, 6, 7, Read{0}, Values{[]string{"b", "a", "c"}, 3}),
		}, true, true},
		{"unknown, and it never happened", []porcupine.Operation{
			operation(0, 0, math.MaxInt64, Append{"a"}, unknown), operation(1, 2, 3, Append{"b"}, ack(0)),
			operation(1, 4, 5, Read{0}, Values{[]string{"b"}, 1}),
		}, true, true},
		{"refused, but there", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, Appended{Outcome: Refused}), operation(1, 2, 3, Read{0}, Values{[]string{"a"}, 1}),
		}, false, false},
		{"another value than was sent", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, ack(0)), operation(1, 2, 3, Read{0}, Values{[]string{"z"}, 1}),
		}, false, false},
		{"more values than committed", []porcupine.Operation{
			operation(0, 0, 1, Append{"a"}, ack(0)), operation(1, 2, 3, Read{0}, Values{[]string{"a"}, 0}),
		}, false, false},
		{"what was read is gone", []porcupine.Operation{
			operation(0, 0, math.MaxInt64, Append{"a"}, unknown),
			operation(1, 1, 2, Read{0}, Values{[]string{"a"}, 1}), operation(1, 3, 4, Read{0}, Values{nil, 0}),
		}, true, false},
	} {
		if got := porcupine.CheckOperations(PartitionModel(test.strict), test.ops); got != test.want {
			t.Errorf("%s: linearizable %t, want %t", test.name, got, test.want)
		}
	}
}
