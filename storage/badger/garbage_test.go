package badger

import "testing"

// TestWhatIsDeletedIsWeighed trims large entries of a store whose entries are small on the average:
// what is dead must be what they weigh, or space came back only after many times as much was
// deleted.
func TestWhatIsDeletedIsWeighed(t *testing.T) {
	for _, again := range []bool{false, true} {
		dir := t.TempDir()
		s := opened(t, dir)
		small, large := newRetained(1, 1<<40, 100), newRetained(2, 1<<40, 64<<10)
		for range 5 {
			written(t, s, small.next(2000))
		}
		for range 4 {
			written(t, s, large.next(64))
		}
		large.keep = 16
		written(t, s, large.next(1))
		if again { // what is left to be deleted is found when the store is opened
			closed(t, s)
			s = opened(t, dir)
		}
		tidied(t, s)
		want := uint64(4*64-15) * 64 << 10
		if got := s.reclaim.dead; got < want*95/100 || got > want*105/100 {
			t.Errorf("opened again %v: %d bytes count as dead, want %d", again, got, want)
		}
		closed(t, s)
	}
}
