package batch

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"runtime"
	"testing"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kerr"
	"pgregory.net/rapid"
)

// anything demands nothing of records but that they can be read.
var anything = Demands{Earliest: math.MinInt64, Latest: math.MaxInt64, Inflated: 32 << 20}

// holding returns a batch that says that it holds n records, which are these bytes in a codec.
func holding(t testing.TB, n int, codec int8, plain []byte) Batch {
	t.Helper()
	payload, err := encode(codec, plain)
	if err != nil {
		t.Fatal(err)
	}
	return claiming(n, codec, payload)
}

// claiming returns a batch that says that it holds n records, which are these bytes, compressed.
func claiming(n int, codec int8, payload []byte) Batch {
	b := withPayload(Build([]Record{{Timestamp: 1000}}), codec, payload)
	binary.BigEndian.PutUint32(b[countAt:], uint32(n))
	binary.BigEndian.PutUint32(b[deltaAt:], uint32(n-1))
	b.SetCRC()
	return b
}

// record encodes a record byte by byte: what follows the two deltas may be anything.
func record(offset int64, rest ...byte) []byte {
	body := append(binary.AppendVarint([]byte{0, 0}, offset), rest...)
	return append(binary.AppendVarint(nil, int64(len(body))), body...)
}

// lies are records that are not what they say, by how many there are said to be.
var lies = map[string]struct {
	count int
	plain []byte
}{
	"nothing at all":              {1, nil},
	"one too few":                 {3, append(record(0, 1, 1, 0), record(1, 1, 1, 0)...)},
	"one too many":                {1, append(record(0, 1, 1, 0), record(1, 1, 1, 0)...)},
	"two thousand million":        {math.MaxInt32, record(0, 1, 1, 0)},
	"a byte follows":              {1, append(record(0, 1, 1, 0), 0)},
	"offsets begin at 1":          {1, record(1, 1, 1, 0)},
	"an offset twice":             {2, append(record(0, 1, 1, 0), record(0, 1, 1, 0)...)},
	"an offset is left out":       {2, append(record(0, 1, 1, 0), record(2, 1, 1, 0)...)},
	"a negative offset":           {1, record(-1, 1, 1, 0)},
	"an offset of 40 bits":        {1, record(1<<40, 1, 1, 0)},
	"a record of -1 bytes":        {1, []byte{1}},
	"a record of 0 bytes":         {1, []byte{0}},
	"a record of 2 GiB":           {1, binary.AppendVarint(nil, math.MaxInt32)},
	"a record is cut off":         {1, record(0, 1, 1, 0)[:4]},
	"a record ends early":         {1, record(0, 1, 1, 0, 0)},
	"a record ends late":          {1, record(0, 1, 1)},
	"a number without end":        {1, bytes.Repeat([]byte{0xff}, 12)},
	"a number in too many bytes":  {1, []byte{0x8e, 0x80, 0x80, 0x80, 0x80, 0x00, 0, 0, 0, 1, 1, 0}},
	"a key of -2 bytes":           {1, record(0, 3, 1, 0)},
	"a key longer than the rest":  {1, record(0, 126, 1, 0)},
	"a value longer than there":   {1, record(0, 1, 126, 0)},
	"-1 headers":                  {1, record(0, 1, 1, 1)},
	"headers that are not there":  {1, record(0, 1, 1, 2)},
	"60 million headers":          {1, record(0, append([]byte{1, 1}, binary.AppendVarint(nil, 60_000_000)...)...)},
	"a header without a key":      {1, record(0, 1, 1, 2, 1, 0)},
	"a header key that is longer": {1, record(0, 1, 1, 2, 100, 0)},
	"a header value of -2 bytes":  {1, record(0, 1, 1, 2, 0, 3)},
	"no records but zeros":        {9, make([]byte, 4096)},
}

// What is wrong inside is found in every codec, though the checksum is right.
func TestVerifyOpensEveryCodec(t *testing.T) {
	for codec := range int8(5) {
		for name, lie := range lies {
			b := holding(t, lie.count, codec, lie.plain)
			if _, err := Check(b); err != nil {
				t.Fatalf("%s: the header is good: %v", name, err)
			}
			if _, err := b.Verify(anything); err == nil || err.Kafka != kerr.InvalidRecord {
				t.Errorf("%s, %s: %v", codecNames[codec], name, err)
			}
		}
		good := holding(t, 2, codec, append(record(0, 1, 1, 0), record(1, 0, 0, 2, 0, 1)...))
		if v, err := good.Verify(anything); err != nil || v.MaxTimestamp != 1000 || v.Faulty != nil {
			t.Errorf("%s, good records: %+v, %v", codecNames[codec], v, err)
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// undecodable are payloads that Kafka's clients cannot read, by codec.
func undecodable() map[string]struct {
	codec   int8
	payload []byte
} {
	plain := record(0, append([]byte{1}, append(binary.AppendVarint(nil, 200), bytes.Repeat([]byte("words "), 50)[:201]...)...)...)
	one := func(codec int8) []byte { return must(encode(codec, plain)) }
	var dependent bytes.Buffer
	w := lz4.NewWriter(&dependent)
	must(w.Write(plain))
	w.Close()
	linked := dependent.Bytes()
	linked[4] &^= 0x20
	legacy := append([]byte{0x02, 0x21, 0x4c, 0x18}, linked[7:]...)
	long := bytes.Repeat(plain, 100)
	return map[string]struct {
		codec   int8
		payload []byte
	}{
		"gzip: garbage":             {1, []byte("no gzip")},
		"gzip: nothing":             {1, nil},
		"gzip: cut off":             {1, one(1)[:20]},
		"gzip: no checksum":         {1, one(1)[:len(one(1))-8]},
		"gzip: bytes follow":        {1, append(one(1), "rubbish"...)},
		"snappy: garbage":           {2, []byte("no snappy")},
		"snappy: 200 MiB claimed":   {2, append(binary.AppendUvarint(nil, 200<<20), 0, 'x')},
		"snappy: cut off":           {2, one(2)[:20]},
		"snappy: a block of S2":     {2, s2.Encode(nil, bytes.Repeat([]byte("0123456789abcdef0123456789"), 40))},
		"snappy: no frame":          {2, append(append([]byte{}, xerial...), 0, 0)},
		"snappy: a frame too long":  {2, append(append(append([]byte{}, xerial...), make([]byte, 8)...), 0x7f, 0xff, 0xff, 0xff)},
		"snappy: garbage in frames": {2, append(xerialOf(plain), 0, 0, 0, 1, 'x')},
		"lz4: garbage":              {3, []byte("no lz4 here")},
		"lz4: dependent blocks":     {3, linked},
		"lz4: the legacy format":    {3, legacy},
		"lz4: cut off":              {3, one(3)[:20]},
		"lz4: bytes follow":         {3, append(one(3), "rubbish"...)},
		"zstd: garbage":             {4, []byte("no zstd")},
		"zstd: cut off":             {4, one(4)[:len(one(4))-3]},
		"zstd: bytes follow":        {4, append(one(4), "rubbish"...)},
		"zstd: a dictionary":        {4, must(zstd.NewWriter(nil, zstd.WithEncoderDictRaw(7, long))).EncodeAll(plain, nil)},
	}
}

func TestVerifyRefusesWhatDoesNotInflate(t *testing.T) {
	for name, bad := range undecodable() {
		b := claiming(1, bad.codec, bad.payload)
		if _, err := b.Verify(anything); err == nil || err.Kafka != kerr.InvalidRecord {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := holding(t, 1, bad.codec, record(0, 1, 1, 0)).Verify(anything); err != nil {
			t.Errorf("after %s a good batch is refused: %v", name, err)
		}
	}
}

// A batch that inflates to more than is allowed is told apart: a producer can split it.
func TestVerifyBoundsWhatIsInflated(t *testing.T) {
	head := append(record(0, 1), binary.AppendVarint(nil, 1<<20)...)
	plain := append(binary.AppendVarint(nil, int64(len(head)-1+1<<20+1)), head[1:]...)
	plain = append(append(plain, make([]byte, 1<<20)...), 0)
	for codec := int8(1); codec < 5; codec++ {
		b := holding(t, 1, codec, plain)
		for limit, want := range map[int]*kerr.Error{len(plain): nil, len(plain) - 1: kerr.MessageTooLarge, 1000: kerr.MessageTooLarge} {
			d := anything
			d.Inflated = limit
			if _, err := b.Verify(d); err != nil && err.Kafka != want || err == nil && want != nil {
				t.Errorf("%s, %d bytes of %d: %v, want %v", codecNames[codec], limit, len(plain), err, want)
			}
		}
	}
}

// Framed snappy as the Java client sends it, and LZ4 and zstd with what their formats allow, are
// read.
func TestVerifyReadsWhatClientsSend(t *testing.T) {
	plain := append(record(0, 1, 1, 0), record(1, append([]byte{1}, append(binary.AppendVarint(nil, 100), append(make([]byte, 100), 0)...)...)...)...)
	frame := func(o ...lz4.Option) []byte {
		var out bytes.Buffer
		w := lz4.NewWriter(&out)
		if err := w.Apply(o...); err != nil {
			t.Fatal(err)
		}
		must(w.Write(plain))
		w.Close()
		return out.Bytes()
	}
	for name, sent := range map[string]struct {
		codec   int8
		payload []byte
	}{
		"snappy in one block":      {2, snappy.Encode(nil, plain)},
		"snappy in frames":         {2, xerialOf(plain[:5], nil, plain[5:])},
		"lz4 with all checksums":   {3, frame(lz4.ChecksumOption(true), lz4.BlockChecksumOption(true))},
		"lz4 with its size":        {3, frame(lz4.SizeOption(uint64(len(plain))))},
		"lz4 in blocks of 4 MiB":   {3, frame(lz4.BlockSizeOption(lz4.Block4Mb))},
		"zstd with a checksum":     {4, must(zstd.NewWriter(nil, zstd.WithEncoderCRC(true))).EncodeAll(plain, nil)},
		"zstd, a window of 8 MiB":  {4, must(zstd.NewWriter(nil, zstd.WithWindowSize(8<<20), zstd.WithSingleSegment(false))).EncodeAll(plain, nil)},
		"gzip in two members":      {1, append(must(encode(1, plain[:5])), must(encode(1, plain[5:]))...)},
		"records that are not so":  {0, plain},
		"zstd in two frames":       {4, append(must(encode(4, plain[:5])), must(encode(4, plain[5:]))...)},
		"gzip":                     {1, must(encode(1, plain))},
		"zstd, skipped at the end": {4, append(must(encode(4, plain)), 0x50, 0x2a, 0x4d, 0x18, 1, 0, 0, 0, 'x')},
	} {
		if _, err := claiming(2, sent.codec, sent.payload).Verify(anything); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifyNamesTheFaultyRecords(t *testing.T) {
	const now = 1_700_000_000_000
	for codec := range int8(5) {
		b, err := Build([]Record{
			{Timestamp: now, Key: []byte("k")}, {Timestamp: now + 5001}, {Timestamp: now - 5001, Key: []byte{}}, {Timestamp: -1, Key: []byte("k")},
		}).Recompress(codec)
		if err != nil {
			t.Fatal(err)
		}
		v, refused := b.Verify(Demands{Keyed: true, Earliest: now - 5000, Latest: now + 5000, Inflated: 1 << 20})
		want := []Faulty{{1, NoKey, now + 5001}, {2, BadTime, now - 5001}}
		if refused != nil || !reflect.DeepEqual(v.Faulty, want) || v.MaxTimestamp != now+5001 {
			t.Errorf("%s: %+v, %v", codecNames[codec], v, refused)
		}
	}
	far := Build([]Record{{Timestamp: math.MaxInt64 - 1}, {Timestamp: math.MaxInt64}})
	// the second record's delta goes beyond 64 bits or is no record any more
	far[HeaderBytes+2+7] = 0x7f
	if v, err := far.Verify(Demands{Earliest: math.MinInt64, Latest: now, Inflated: 1 << 20}); err == nil && len(v.Faulty) == 0 {
		t.Error("a timestamp beyond 64 bits passes")
	}
}

// Verify takes what clients write, finds the largest timestamp, and Outlines and Records see the
// same.
func TestVerifyAgreesWithRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		b, err := Build(records).Recompress(rapid.Int8Range(0, 4).Draw(t, "codec"))
		if err != nil {
			t.Fatal(err)
		}
		v, refused := b.Verify(anything)
		if refused != nil || v.MaxTimestamp != b.MaxTimestamp() {
			t.Fatalf("%+v, %v; the header says %d", v, refused, b.MaxTimestamp())
		}
		agree(t, b)
	})
}

// agree checks that all ways to read a batch tell the same.
func agree(t interface{ Fatalf(string, ...any) }, b Batch) {
	records, err := b.Records()
	if err != nil {
		t.Fatalf("Records: %v", err)
	}
	n := 0
	err = b.Outlines(func(o Outline) bool {
		r := records[n]
		if o.Offset != r.Offset || o.Timestamp != r.Timestamp || !bytes.Equal(o.Key, r.Key) || (o.Key == nil) != (r.Key == nil) || o.Null != (r.Value == nil) {
			t.Fatalf("outline %+v of %+v", o, r)
		}
		n++
		return true
	})
	if err != nil || n != len(records) {
		t.Fatalf("%d outlines of %d records: %v", n, len(records), err)
	}
}

// bomb is a batch of some KiB with one record of 2 MB: a million headers of two bytes.
func bomb(t testing.TB, codec int8) Batch {
	const n = 1_000_000
	head := append(record(0, 2, 'k', 2, 'v')[1:], binary.AppendVarint(nil, n)...)
	plain := append(binary.AppendVarint(nil, int64(len(head)+2*n)), head...)
	plain = append(plain, bytes.Repeat([]byte{0, 1}, n)...)
	return holding(t, 1, codec, plain)
}

// Reading a batch takes no more memory than its codec needs, however well it was compressed and
// whatever it claims.
func TestBombsTakeNoMemory(t *testing.T) {
	for _, codec := range []int8{0, 1, 3, 4} {
		b := bomb(t, codec)
		read := map[string]func() error{
			"Verify": func() error {
				if _, err := b.Verify(Demands{Earliest: math.MinInt64, Latest: math.MaxInt64, Inflated: MaxDecompressed}); err != nil {
					return err
				}
				return nil
			},
			"Outlines": func() error { return b.Outlines(func(Outline) bool { return true }) },
			"Filter":   func() error { _, err := b.Filter(func(Outline) bool { return true }); return err },
		}
		for name, f := range read {
			if got := allocated(t, f); got > 12<<20 {
				t.Errorf("%s of %s: %d MiB for a batch of %d KiB", name, codecNames[codec], got>>20, len(b)>>10)
			}
		}
	}
	for name, claim := range map[string]Batch{
		"a window of 2 GiB":      claiming(1, 4, []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0, 0}),
		"a size of 4 GiB":        claiming(1, 4, []byte{0x28, 0xb5, 0x2f, 0xfd, 0xe0, 0, 0, 0, 0, 1, 0, 0, 0, 0x01, 0, 0}),
		"a block of 200 MiB":     claiming(1, 2, append(binary.AppendUvarint(nil, 200<<20), 0, 'x')),
		"two thousand million":   claiming(math.MaxInt32, 1, must(encode(1, record(0, 1, 1, 0)))),
		"a key of 2 GiB":         claiming(1, 1, must(encode(1, append(binary.AppendVarint(nil, math.MaxInt32), append([]byte{0, 0, 0}, binary.AppendVarint(nil, math.MaxInt32-20)...)...)))),
		"lz4 that has 8 EiB":     claiming(1, 3, []byte{0x04, 0x22, 0x4d, 0x18, 0x68, 0x40, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00, 0, 0, 0, 0}),
		"a record of 2 GiB less": holding(t, 1, 3, binary.AppendVarint(nil, math.MaxInt32)),
	} {
		got := allocated(t, func() error {
			if _, err := claim.Verify(anything); err == nil {
				t.Errorf("%s: taken", name)
			}
			return nil
		})
		if got > 16<<20 {
			t.Errorf("%s: %d MiB for a batch of %d bytes", name, got>>20, len(claim))
		}
	}
}

// allocated returns how many bytes are allocated by f in all, whether they were freed again or not.
func allocated(t *testing.T, f func() error) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := f()
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Error(err)
	}
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzVerify(f *testing.F) {
	plain := Build([]Record{{Key: []byte("k"), Value: []byte("v"), Headers: []Header{{"h", nil}}}, {Timestamp: 5}})
	for codec := range int8(5) {
		f.Add([]byte(must(plain.Recompress(codec))))
		for _, lie := range lies {
			f.Add([]byte(holding(f, lie.count, codec, lie.plain)))
		}
	}
	for _, bad := range undecodable() {
		f.Add([]byte(claiming(1, bad.codec, bad.payload)))
	}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		if len(bytes) >= HeaderBytes {
			Batch(bytes).SetCRC() // or the fuzzer never gets behind it
		}
		b, refused := Check(bytes)
		if refused != nil {
			return
		}
		d := anything
		d.Inflated = 1 << 20
		if _, err := b.Verify(d); err != nil {
			return
		}
		agree(t, b)
	})
}
