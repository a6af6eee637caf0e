package batch

import (
	"encoding/binary"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// Check tells why bytes from a producer are not exactly one batch whose header may be believed; nil
// if they are. Verify looks at the records.
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
	return nil
}
