package remote

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// codec is gRPC's own for protobuf, on the wire too, but for batches of frames: those it does not
// copy to send them, and copies once to receive them, each frame to memory of its own (see buffers
// for the memory they are sent from). What is not such a batch is left to gRPC's.
type codec struct{ encoding.CodecV2 }

var theCodec = codec{encoding.GetCodecV2(proto.Name)}

// smallData is the largest data that is copied together with what is around it, because a piece of
// its own costs more.
const smallData = 1 << 10

// Field tags of protoactor's messages.
const (
	tagBatch    = 1<<3 | byte(protowire.BytesType) // of RemoteMessage
	tagTypeName = 1<<3 | byte(protowire.BytesType) // of MessageBatch
	tagTarget   = 2<<3 | byte(protowire.BytesType)
	tagEnvelope = 3<<3 | byte(protowire.BytesType)
	tagTypeID   = 1<<3 | byte(protowire.VarintType) // of MessageEnvelope
	tagData     = 2<<3 | byte(protowire.BytesType)
	tagTargetID = 3<<3 | byte(protowire.VarintType)
)

// Marshal implements encoding.CodecV2.
func (c codec) Marshal(v any) (mem.BufferSlice, error) {
	if m, ok := v.(*remote.RemoteMessage); ok {
		if batch := m.GetMessageBatch(); batch != nil && plain(batch) {
			return pieces(batch), nil
		}
	}
	return c.CodecV2.Marshal(v)
}

// plain reports whether a batch has no more in it than one of frames does.
func plain(b *remote.MessageBatch) bool {
	for _, e := range b.Envelopes {
		if e.Sender != 0 || e.SerializerId != 0 || e.MessageHeader != nil || e.TargetRequestId != 0 || e.SenderRequestId != 0 || e.TypeId < 0 || e.Target < 0 {
			return false
		}
	}
	return len(b.Senders) == 0
}

// pieces encodes a plain batch. The data of envelopes is in it, not copied.
func pieces(batch *remote.MessageBatch) mem.BufferSlice {
	total := 0
	for _, names := range [][]string{batch.TypeNames, batch.Targets} {
		for _, name := range names {
			total += 1 + protowire.SizeBytes(len(name))
		}
	}
	for _, e := range batch.Envelopes {
		total += 1 + protowire.SizeBytes(sizeOf(e))
	}
	var all mem.BufferSlice
	b := protowire.AppendVarint([]byte{tagBatch}, uint64(total))
	for _, name := range batch.TypeNames {
		b = protowire.AppendString(append(b, tagTypeName), name)
	}
	for _, name := range batch.Targets {
		b = protowire.AppendString(append(b, tagTarget), name)
	}
	for _, e := range batch.Envelopes {
		b = protowire.AppendVarint(append(b, tagEnvelope), uint64(sizeOf(e)))
		b = protowire.AppendVarint(append(b, tagTypeID), uint64(e.TypeId))
		b = protowire.AppendVarint(append(b, tagTargetID), uint64(e.Target))
		b = protowire.AppendVarint(append(b, tagData), uint64(len(e.MessageData)))
		if len(e.MessageData) <= smallData {
			b = append(b, e.MessageData...)
			continue
		}
		all = append(all, mem.SliceBuffer(b), theBuffers.sent(e.MessageData))
		b = nil
	}
	if len(b) > 0 {
		all = append(all, mem.SliceBuffer(b))
	}
	return all
}

// sizeOf is the size of an envelope in a plain batch.
func sizeOf(e *remote.MessageEnvelope) int {
	return 3 + protowire.SizeVarint(uint64(e.TypeId)) + protowire.SizeVarint(uint64(e.Target)) + protowire.SizeBytes(len(e.MessageData))
}

// Unmarshal implements encoding.CodecV2.
func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if m, ok := v.(*remote.RemoteMessage); ok {
		r := reader{data.Reader()}
		batch, err := r.batch()
		r.Close()
		if err == nil {
			m.MessageType = &remote.RemoteMessage_MessageBatch{MessageBatch: batch}
			return nil
		}
	}
	return c.CodecV2.Unmarshal(data, v)
}

// errNotPlain is met in what is no plain batch, or malformed: gRPC's codec is to read it.
var errNotPlain = errors.New("not a batch of frames")

// reader reads a plain batch from where it arrived.
type reader struct{ *mem.Reader }

// batch reads all there is.
func (r reader) batch() (*remote.MessageBatch, error) {
	if err := r.expect(tagBatch); err != nil {
		return nil, err
	}
	if n, err := r.size(); err != nil || n != r.Remaining() {
		return nil, errNotPlain
	}
	b := &remote.MessageBatch{}
	for r.Remaining() > 0 {
		tag, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		switch tag {
		case tagTypeName, tagTarget:
			name, err := r.bytes()
			if err != nil {
				return nil, err
			}
			if tag == tagTypeName {
				b.TypeNames = append(b.TypeNames, string(name))
			} else {
				b.Targets = append(b.Targets, string(name))
			}
		case tagEnvelope:
			e, err := r.envelope()
			if err != nil {
				return nil, err
			}
			b.Envelopes = append(b.Envelopes, e)
		default:
			return nil, errNotPlain
		}
	}
	return b, nil
}

func (r reader) envelope() (*remote.MessageEnvelope, error) {
	n, err := r.size()
	if err != nil {
		return nil, err
	}
	e := &remote.MessageEnvelope{}
	for end := r.Remaining() - n; r.Remaining() != end; {
		tag, err := r.ReadByte()
		if err != nil || r.Remaining() < end {
			return nil, errNotPlain
		}
		switch tag {
		case tagTypeID, tagTargetID:
			id, err := r.number()
			if err != nil {
				return nil, err
			}
			if tag == tagTypeID {
				e.TypeId = id
			} else {
				e.Target = id
			}
		case tagData:
			if e.MessageData, err = r.bytes(); err != nil {
				return nil, err
			}
		default:
			return nil, errNotPlain
		}
	}
	return e, nil
}

func (r reader) expect(tag byte) error {
	if got, err := r.ReadByte(); err != nil || got != tag {
		return errNotPlain
	}
	return nil
}

// size reads the size of what follows, which is there.
func (r reader) size() (int, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > uint64(r.Remaining()) {
		return 0, errNotPlain
	}
	return int(n), nil
}

func (r reader) number() (int32, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil || n > 1<<31-1 {
		return 0, errNotPlain
	}
	return int32(n), nil
}

// bytes reads bytes with their size before them, into memory of their own.
func (r reader) bytes() ([]byte, error) {
	n, err := r.size()
	if err != nil {
		return nil, err
	}
	var few [16][]byte
	pieces, err := r.Peek(n, few[:0])
	if err != nil {
		return nil, errNotPlain
	}
	b := bytes.Join(pieces, nil) // unlike make, it does not clear what it fills
	if _, err := r.Discard(n); err != nil {
		return nil, errNotPlain
	}
	return b, nil
}
