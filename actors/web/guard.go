package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Changes are taken at this rate, from all who ask together: far more than operators and their
// scripts need, far less than it takes to keep the metadata busy or to guess a token.
const (
	changesPerSecond = 10
	changesAtOnce    = 50
)

// guard decides who may change something.
type guard struct {
	token   string // "": none is asked for
	changes bucket
}

func newGuard(token string) *guard {
	return &guard{token: token, changes: bucket{most: changesAtOnce, perSecond: changesPerSecond, now: time.Now}}
}

// change lets what changes something through: from this machine, at a bounded rate, with the token.
func (g *guard) change(next http.HandlerFunc) http.HandlerFunc {
	return local(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !g.changes.take(): // before the token: guesses are bounded too
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many changes at once: try again in a second", http.StatusTooManyRequests)
		case !g.bears(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "this node takes changes only with its admin.token (--token, TROUPE_ADMIN_TOKEN)", http.StatusUnauthorized)
		default:
			next(w, r)
		}
	})
}

// bears reports whether a request bears the token, in a time that tells nothing of the token.
func (g *guard) bears(r *http.Request) bool {
	if g.token == "" {
		return true
	}
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	got, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(g.token))
	return ok && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}

// bucket bounds a rate: it is full at first, and fills up again evenly.
type bucket struct {
	most, perSecond float64
	now             func() time.Time

	mu   sync.Mutex
	left float64
	at   time.Time // when left was counted; zero before the first take
}

// take takes one; false if none is left.
func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.at.IsZero() {
		b.left = b.most
	} else {
		b.left = min(b.most, b.left+max(now.Sub(b.at), 0).Seconds()*b.perSecond)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
