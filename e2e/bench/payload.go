package main

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/twmb/franz-go/pkg/kgo"
)

// payload gives values without making each: they are windows into random bytes that do not repeat
// within a batch, incompressible unless they are made regular.
type payload struct {
	random []byte
	size   int
	at     int
}

const payloadBytes = 64 << 20

func newPayload(size int, compressible bool) *payload {
	p := &payload{random: make([]byte, payloadBytes), size: size}
	var seed [32]byte
	copy(seed[:], "the same bytes in every run")
	rand.NewChaCha8(seed).Read(p.random) // never fails
	if compressible {
		regular(p.random)
	}
	return p
}

// next returns another value; not to be written.
func (p *payload) next() []byte {
	if p.at+p.size > len(p.random) {
		p.at = (p.at + 1) % 64
	}
	v := p.random[p.at : p.at+p.size : p.at+p.size]
	p.at += p.size
	return v
}

// timeBytes is how many bytes at a value's beginning hold a time.
const timeBytes = 8

// timed returns another value that begins with a time.
func (p *payload) timed(at int64) []byte {
	v := append([]byte(nil), p.next()...)
	binary.BigEndian.PutUint64(v, uint64(at))
	return v
}

func timeOf(value []byte) int64 { return int64(binary.BigEndian.Uint64(value)) }

// words are what is the same in every line of a log.
const words = `","level":"info","took_us":"`

// regular makes bytes compress to about a half, in any codec.
func regular(b []byte) {
	for at := len(words); at < len(b); at += 2 * len(words) {
		copy(b[at:], words)
	}
}

var codecs = map[string]func() kgo.CompressionCodec{
	"gzip": kgo.GzipCompression, "snappy": kgo.SnappyCompression, "lz4": kgo.Lz4Compression, "zstd": kgo.ZstdCompression,
}

func (o *options) compression() kgo.CompressionCodec {
	if codec := codecs[o.Codec]; codec != nil {
		return codec()
	}
	return kgo.NoCompression()
}
