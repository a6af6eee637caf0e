package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Changes are taken at this rate, from all who ask together: far more than operators and their
// scripts need, far less than it takes to keep the metadata busy. Requests without the token are
// bounded by the same rate apart from those: guesses are few, and keep no operator out.
const (
	changesPerSecond = 10
	changesAtOnce    = 50
)

// guard decides who may change something.
type guard struct {
	token            string // "": none is asked for
	changes, guesses *rate.Limiter
	now              func() time.Time
}

func newGuard(token string) *guard {
	return &guard{
		token: token, now: time.Now,
		changes: rate.NewLimiter(changesPerSecond, changesAtOnce), guesses: rate.NewLimiter(changesPerSecond, changesAtOnce),
	}
}

// change lets what changes something through: from this machine, with the token, at a bounded rate.
func (g *guard) change(next http.HandlerFunc) http.HandlerFunc {
	return local(func(w http.ResponseWriter, r *http.Request) {
		bears, bound := g.bears(r), g.changes
		if !bears {
			bound = g.guesses
		}
		switch {
		case !bound.AllowN(g.now(), 1):
			w.Header().Set("Retry-After", "1")
			http.Error(w, "too many changes at once: try again in a second", http.StatusTooManyRequests)
		case !bears:
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
