package local

import "time"

// Rate bounds bytes per second. It may be overdrawn by one chunk, and saves up a tenth of a second.
type Rate struct {
	Bytes int64 // a second
	left  int64
	at    time.Time // when left was looked at
}

// Wait returns how long nothing may be sent.
func (r *Rate) Wait(now time.Time) time.Duration {
	passed := min(max(now.Sub(r.at), 0), time.Hour) // a clock may go back, and begins somewhere
	r.left = min(r.left+int64(passed.Seconds()*float64(r.Bytes)), r.Bytes/10)
	r.at = now
	if r.left > 0 {
		return 0
	}
	return time.Duration(float64(1-r.left)/float64(r.Bytes)*float64(time.Second)).Round(time.Millisecond) + time.Millisecond
}

// Spend notes bytes that were sent.
func (r *Rate) Spend(bytes int) { r.left -= int64(bytes) }
