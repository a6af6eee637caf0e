package badger

import "golang.org/x/sys/unix"

// nextHole returns where the file's first hole begins, at the end of a page, and the file's size.
// Both are 0 if that cannot be told; where a file system knows no holes, there is none before the
// file's end.
func (p *prefiller) nextHole() (hole, size int64) {
	fd := int(p.file.Fd())
	var stat unix.Stat_t
	if unix.Fstat(fd, &stat) != nil {
		return 0, 0
	}
	hole, err := unix.Seek(fd, p.hole, unix.SEEK_HOLE)
	if err != nil || hole%pageBytes != 0 {
		return 0, 0
	}
	return hole, stat.Size
}
