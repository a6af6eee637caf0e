package batch

import "io"

// firstBytes is how far into the decompressed records FirstHeader looks, and firstSnappy up to
// which size it looks into what snappy compressed, which has no beginning that can be had alone.
const (
	firstBytes  = 32 << 10
	firstSnappy = 64 << 10
)

// FirstHeader returns the value of a header of the batch's first record. It costs no more than the
// beginning of the batch: a record that does not end there counts as one without the header.
func (b Batch) FirstHeader(name string) ([]byte, bool) {
	c := cursor{b: b.beginning()}
	n := c.varint()
	if c.bad || n <= 0 || n > int64(len(c.b)) {
		return nil, false
	}
	c.b = c.b[1:n] // attributes are unused
	c.varint()
	c.varint()
	c.bytes()
	c.bytes()
	for left := c.varint(); left > 0 && !c.bad; left-- {
		key, value := c.bytes(), c.bytes()
		if string(key) == name && !c.bad {
			return value, true
		}
	}
	return nil, false
}

// beginning returns the first of the records' bytes, nil if they cannot be had cheaply.
func (b Batch) beginning() []byte {
	switch b.Codec() {
	case 0:
		return b.Payload()
	case 2:
		if len(b) > firstSnappy {
			return nil
		}
	}
	f, err := inflate(b.Codec(), b.Payload(), firstSnappy*snappyRatio)
	if err != nil {
		return nil
	}
	defer release(b.Codec(), f)
	plain := make([]byte, firstBytes)
	got, _ := io.ReadFull(f, plain) // what comes before an error is as good as the rest
	return plain[:got]
}
