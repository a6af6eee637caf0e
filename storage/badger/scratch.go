package badger

// keepScratch is the largest scratch that is kept for the next Write.
const keepScratch = 8 << 20

// scratch is memory for the values of one Write. Badger copies them before the Write returns.
type scratch struct {
	b    []byte
	used int
}

func (s *scratch) reset() {
	if s.used > len(s.b) {
		s.b = make([]byte, min(s.used+s.used/4, keepScratch))
	}
	s.used = 0
}

// take returns n bytes of room, empty.
func (s *scratch) take(n int) []byte {
	from := s.used
	s.used += n
	if s.used > len(s.b) {
		return make([]byte, 0, n)
	}
	return s.b[from:from:s.used]
}
