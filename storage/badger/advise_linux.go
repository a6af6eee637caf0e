package badger

import (
	"bufio"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const canAdvise = true

// advise sets the access pattern of this process's maps of a file: random, or the default. Advice
// is only that: failures are ignored.
func advise(path string, random bool) {
	advice := unix.MADV_NORMAL
	if random {
		advice = unix.MADV_RANDOM
	}
	for _, m := range mapsOf(path) {
		unix.Syscall(unix.SYS_MADVISE, m.from, m.to-m.from, uintptr(advice))
	}
}

type mapping struct{ from, to uintptr }

// mapsOf returns where a file is mapped. Lines read "from-to perms offset device inode path".
func mapsOf(path string) (found []mapping) {
	path, err := filepath.Abs(path)
	if err != nil || path == "" {
		return nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if !strings.HasSuffix(line, path) {
			continue
		}
		span, _, _ := strings.Cut(line, " ")
		from, to, _ := strings.Cut(span, "-")
		a, err1 := strconv.ParseUint(from, 16, 64)
		b, err2 := strconv.ParseUint(to, 16, 64)
		if err1 == nil && err2 == nil {
			found = append(found, mapping{uintptr(a), uintptr(b)})
		}
	}
	return found
}
