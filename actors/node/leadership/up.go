package leadership

import (
	"sync"
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// upSince remembers since when each peer is up.
type upSince struct {
	mu    sync.Mutex
	since map[metadata.NodeID]time.Time
}

func (u *upSince) look(now time.Time, peers []metadata.NodeID, up func(metadata.NodeID) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.since == nil {
		u.since = make(map[metadata.NodeID]time.Time)
	}
	for _, p := range peers {
		_, known := u.since[p]
		switch {
		case !up(p):
			delete(u.since, p)
		case !known:
			u.since[p] = now
		}
	}
}

// of returns how long a peer has been up, 0 if it is not.
func (u *upSince) of(n metadata.NodeID, now time.Time) time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	since, ok := u.since[n]
	if !ok {
		return 0
	}
	return now.Sub(since)
}
