package sim

import (
	"fmt"
	"time"
	"unsafe"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// reading is what time.Now returns on a machine: a time that holds two clocks, the one on the wall,
// which somebody may set, and the monotonic one, by which Go measures the time between two
// readings. No other function of package time makes one.
//
//	wall: 1 if there is a monotonic clock | seconds since 1885:33 | ns:30
//	ext:  ns of the monotonic clock
func reading(wall time.Time, monotonic time.Duration) (t time.Time) {
	both := (*[2]uint64)(unsafe.Pointer(&t))
	both[0] = 1<<63 | uint64(wall.Unix()-year1885)<<30 | uint64(wall.Nanosecond())
	both[1] = uint64(monotonic)
	return t
}

var year1885 = time.Date(1885, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// setClock sets the clock on a machine's wall while it runs, and later back to about the right
// time. Half an hour is less than records may be ahead of a broker's clock
// (message.timestamp.after.max.ms), so no record is refused for it.
func setClock(w *World, n metadata.NodeID, d time.Duration) Fault {
	most := 20 * time.Second
	if w.chance(2) {
		most = time.Hour
	}
	by := w.upTo(most) - most/2
	return Fault{What: fmt.Sprintf("the clock of n%d is set %s off", n, by.Round(time.Millisecond)), For: d,
		begin: func(w *World) {
			w.machines[n].skew = by
			w.strayed(by)
		}, end: func(w *World) { w.machines[n].skew = by / 1000 }}
}
