package history

import (
	"fmt"
	"slices"
	"strings"

	"github.com/anishathalye/porcupine"
)

// Append is an operation on one partition: a record is sent.
type Append struct{ Value string }

// Appended is what came of an Append. A producer that never learned says Unknown, and ends when the history ends.
type Appended struct {
	Outcome Outcome
	Offset  int64 // if Acked
}

// Read is an operation on one partition: everything from offset From on, and the high watermark.
type Read struct{ From int64 }

// Values is what a Read returned.
type Values struct {
	Values    []string // from offset From on, without gaps
	Watermark int64
}

// PartitionModel is a partition as a list of values. It is for producers that send one record a batch, so that offsets have
// no gaps. With strict, a read tells the whole list as it is at one moment; without, a read may be late (a deposed leader
// that does not know it yet), but tells nothing that is not in the list.
func PartitionModel(strict bool) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init:              func() []any { return []any{log(nil)} },
		Step:              func(state, in, out any) []any { return step(strict, state.(log), in, out) },
		Equal:             func(a, b any) bool { return slices.Equal(a.(log), b.(log)) },
		DescribeState:     func(s any) string { return strings.Join(s.(log), " ") },
		DescribeOperation: func(in, out any) string { return fmt.Sprintf("%+v → %+v", in, out) },
	}
	return m.ToModel()
}

// log is never changed in place.
type log []string

func step(strict bool, l log, in, out any) []any {
	switch in := in.(type) {
	case Append:
		return appended(l, in, out.(Appended))
	case Read:
		if readable(strict, l, in, out.(Values)) {
			return []any{l}
		}
	}
	return nil
}

func appended(l log, in Append, out Appended) []any {
	longer := append(slices.Clip(l), in.Value)
	switch out.Outcome {
	case Acked:
		if out.Offset == int64(len(l)) {
			return []any{longer}
		}
		return nil
	case Refused:
		return []any{l}
	default:
		return []any{l, longer}
	}
}

func readable(strict bool, l log, in Read, out Values) bool {
	end := in.From + int64(len(out.Values))
	if out.Watermark > int64(len(l)) || end > out.Watermark || strict && out.Watermark != int64(len(l)) {
		return false
	}
	return in.From >= 0 && slices.Equal(l[in.From:end], out.Values)
}
