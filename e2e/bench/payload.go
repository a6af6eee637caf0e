package main

import (
	"encoding/binary"
	"math/rand/v2"
)

// payload gives incompressible values without making each: they are windows into random bytes that do not repeat within a batch.
type payload struct {
	random []byte
	size   int
	at     int
}

const payloadBytes = 64 << 20

func newPayload(size int) *payload {
	p := &payload{random: make([]byte, payloadBytes), size: size}
	var seed [32]byte
	copy(seed[:], "the same bytes in every run")
	rand.NewChaCha8(seed).Read(p.random) // never fails
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
