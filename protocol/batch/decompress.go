package batch

import (
	"errors"
	"io"
)

// MaxDecompressed is the most bytes that the records of one batch may take when they are
// decompressed, for those who read what is stored. A few kilobytes can be compressed from
// gigabytes; without a bound one producer could use up a node's memory. What producers send is held
// to less: see Demands.
const MaxDecompressed = 128 << 20

// errTooLarge is returned for batches beyond MaxDecompressed.
var errTooLarge = errors.New("the decompressed records are larger than the limit")

// decompress returns what was compressed with a codec, at most limit bytes.
func decompress(codec int8, b []byte, limit int) ([]byte, error) {
	if codec == 0 {
		return b, nil
	}
	f, err := inflate(codec, b, limit)
	if err != nil {
		return nil, err
	}
	defer release(codec, f)
	out, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	switch {
	case err != nil:
		return nil, err
	case len(out) > limit:
		return nil, errTooLarge
	}
	return out, nil
}
