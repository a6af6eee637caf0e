package batch

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// Check tells why bytes from a producer are not exactly one good batch that may be appended; nil if they are. Records in a compressed batch
// are not looked at: its checksum covers them, and consumers get the bytes as they are.
func Check(b []byte) (Batch, *protocol.Error) {
	if len(b) < HeaderBytes {
		return nil, protocol.Errorf(kerr.CorruptMessage, "%d bytes are too few for a record batch", len(b))
	}
	if magic := int8(b[magicAt]); magic != 2 {
		return nil, protocol.Errorf(kerr.InvalidRecord, "record batches of magic %d are not taken, only of magic 2", magic)
	}
	batch, rest, ok := Next(b)
	switch {
	case !ok:
		return nil, protocol.Errorf(kerr.CorruptMessage, "a batch of length %d does not fit into the %d bytes sent", int32(binary.BigEndian.Uint32(b[lengthAt:])), len(b))
	case len(rest) > 0:
		return nil, protocol.Errorf(kerr.InvalidRecord, "more than one batch was sent for a partition")
	case batch.CRC() != batch.checksum():
		return nil, protocol.Errorf(kerr.CorruptMessage, "the checksum of the batch does not match its bytes")
	}
	return batch, batch.checkHeader()
}

func (b Batch) checkHeader() *protocol.Error {
	switch {
	case b.Count() <= 0 || b.LastOffsetDelta() != b.Count()-1:
		return protocol.Errorf(kerr.InvalidRecord, "the batch claims %d records and a last offset delta of %d", b.Count(), b.LastOffsetDelta())
	case b.Codec() > 4:
		return protocol.Errorf(kerr.UnsupportedCompressionType, "codec %d is not known", b.Codec())
	case b.Control():
		return protocol.Errorf(kerr.InvalidRecord, "clients may not write control batches")
	case b.Attributes()&deleteHorizonBit != 0:
		return protocol.Errorf(kerr.InvalidRecord, "clients may not set the delete horizon")
	case b.ProducerID() >= 0 && (b.ProducerEpoch() < 0 || b.BaseSequence() < 0):
		return protocol.Errorf(kerr.InvalidRecord, "producer %d sent epoch %d and sequence %d", b.ProducerID(), b.ProducerEpoch(), b.BaseSequence())
	case b.Transactional() && b.ProducerID() < 0:
		return protocol.Errorf(kerr.InvalidRecord, "a transactional batch needs a producer id")
	}
	if b.Codec() == 0 {
		return b.checkRecords()
	}
	return nil
}

// checkRecords walks over uncompressed records.
func (b Batch) checkRecords() *protocol.Error {
	rest := b.Payload()
	for i := range b.Count() {
		n, used := binary.Varint(rest)
		if used <= 0 || n < 0 || n > int64(len(rest)-used) {
			return protocol.Errorf(kerr.InvalidRecord, "record %d of %d does not fit into the batch", i, b.Count())
		}
		record := rest[used : used+int(n)]
		rest = rest[used+int(n):]
		if _, ok := parse(record); !ok {
			return protocol.Errorf(kerr.InvalidRecord, "record %d of %d is malformed", i, b.Count())
		}
	}
	if len(rest) > 0 {
		return protocol.Errorf(kerr.InvalidRecord, "%d bytes follow the last of %d records", len(rest), b.Count())
	}
	return nil
}
