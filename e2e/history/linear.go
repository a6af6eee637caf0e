package history

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// appendOp is an operation on a partition: the record at an offset of the final log was appended by
// the leader of an epoch.
type appendOp struct {
	offset int64
	epoch  int32
}

// readOp is an operation on a partition: the leader of an epoch told the first offset that is not
// committed.
type readOp struct {
	watermark int64
	epoch     int32
}

// partitionState is how long a partition is, and the highest epoch that showed itself.
type partitionState struct {
	length int64
	epoch  int32
}

// partitionModel is a partition as the clients of its leaders may see it. What is appended goes to
// the end, and a leader tells all that was appended before. There is one exception: a leader that
// is deposed and has not heard of it tells what it knew; it can tell less, and it can append
// nothing.
//
// That everybody sees the same values at the same offsets is not the model's business (see Reused):
// so its state is a number, and porcupine is quick.
var partitionModel = porcupine.Model{
	Init: func() any { return partitionState{} },
	Step: func(state, in, _ any) (bool, any) {
		s := state.(partitionState)
		switch op := in.(type) {
		case appendOp:
			return op.offset == s.length && op.epoch >= s.epoch, partitionState{op.offset + 1, op.epoch}
		case readOp:
			if op.epoch < s.epoch {
				return op.watermark <= s.length, s
			}
			return op.watermark == s.length, partitionState{s.length, op.epoch}
		}
		return false, s
	},
	DescribeOperation: func(in, _ any) string { return fmt.Sprintf("%+v", in) },
}

// Operations is how many operations of a partition Linearizable takes at most: porcupine remembers
// all of them at each one.
const Operations = 20_000

// Linearizable reports whether what was appended to a partition and what was told of its end could
// have happened one after the other. All records must be of this history, each a batch of its own,
// and none may have been trimmed. Check says what was lost; this says what was seen too late or too
// early. It is an error if porcupine does not know within the limit.
func Linearizable(h History, final []Seen, p Partition, limit time.Duration) error {
	ops := operations(h, final, p)
	if len(ops) > Operations {
		return fmt.Errorf("%s: %d operations, at most %d can be checked at once", p, len(ops), Operations)
	}
	switch result := porcupine.CheckOperationsTimeout(partitionModel, ops, limit); result {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("%s: no order of its %d operations explains them: %s", p, len(ops), explain(ops, limit))
	default:
		return fmt.Errorf("%s: %d operations could not be checked within %s", p, len(ops), limit)
	}
}

// operations: the final log settles what became of sends without an answer. What is not in it never
// happened; what is happened at some time after it was sent. An acknowledged record that is not
// there stays, and nothing explains it.
func operations(h History, final []Seen, p Partition) (ops []porcupine.Operation) {
	there := map[string]Seen{}
	for _, s := range final {
		if s.Partition == p {
			there[s.Value] = s
		}
	}
	for i, s := range h.Sends {
		if s.Partition != p {
			continue
		}
		at, found := there[s.Value]
		op := porcupine.Operation{ClientId: i, Input: appendOp{at.Offset, at.Epoch}, Call: s.Invoked.UnixNano(), Return: math.MaxInt64}
		switch {
		case s.Outcome == Acked:
			op.Input, op.Return = appendOp{s.Offset, at.Epoch}, s.Returned.UnixNano()
		case !found:
			continue
		}
		ops = append(ops, op)
	}
	for i, a := range h.Watermarks[p] {
		ops = append(ops, porcupine.Operation{ClientId: len(h.Sends) + i, Input: readOp{a.Offset, a.Epoch}, Call: a.Invoked.UnixNano(), Return: a.Returned.UnixNano()})
	}
	return ops
}

// explain finds the first operation that cannot be explained: the shortest beginning of the
// history, by when answers came, that is not linearizable.
func explain(ops []porcupine.Operation, limit time.Duration) string {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(min(1, max(-1, a.Return-b.Return))) })
	from, to := 0, len(ops) // the first from are explained, the first to are not
	for from+1 < to {
		middle := (from + to) / 2
		if porcupine.CheckOperationsTimeout(partitionModel, beginning(ops, middle), limit) == porcupine.Ok {
			from = middle
		} else {
			to = middle
		}
	}
	last := ops[to-1]
	return fmt.Sprintf("the first that does not fit is %+v, asked at %s", last.Input, time.Unix(0, last.Call).Format(clock))
}

// beginning are the first n operations, and those of the others that had begun, as if nobody had
// heard their answers.
func beginning(ops []porcupine.Operation, n int) []porcupine.Operation {
	begun := slices.Clone(ops[:n])
	for _, op := range ops[n:] {
		if _, appends := op.Input.(appendOp); appends && op.Call < ops[n-1].Return {
			op.Return = math.MaxInt64
			begun = append(begun, op)
		}
	}
	return begun
}
