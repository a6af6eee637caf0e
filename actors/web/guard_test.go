package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/raft/metadata"
)

// operator is a node that notes what it was asked to change.
type operator struct {
	Node
	asked []metadata.NodeID
}

func (o *operator) Maintain(_ context.Context, node metadata.NodeID, _ bool) error {
	o.asked = append(o.asked, node)
	return nil
}

// changes are the paths that change something, with their methods.
var changes = map[string]string{
	"/admin/maintenance": "POST", "/admin/recover": "POST", "/admin/read-replicas": "POST", "/admin/promote": "POST",
	"/admin/decommission": "POST", "/admin/replace": "POST", "/log/level": "PUT",
}

// asks sends a request from this machine.
func asks(h http.Handler, method, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr, r.Host = "127.0.0.1:4", "127.0.0.1:9094"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func handler(o *operator, token string) http.Handler {
	return Handler(Options{Node: o, Metrics: http.NotFoundHandler(), Level: &slog.LevelVar{}, Token: token})
}

// Every path that changes something refuses other machines and other sites, and whoever does not
// bear the token.
func TestWhatChangesSomethingIsGuarded(t *testing.T) {
	for path, method := range changes {
		o := &operator{}
		if w := asks(handler(o, ""), method, path, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
			t.Errorf("%s answers another site with %d", path, w.Code)
		}
		if w := asks(handler(o, "secret"), method, path); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s answers without the token with %d", path, w.Code)
		}
		r := httptest.NewRequest(method, path, nil)
		r.RemoteAddr, r.Host = "192.0.2.1:4444", "127.0.0.1:9094"
		r.Header.Set("Authorization", "Bearer secret")
		w := httptest.NewRecorder()
		handler(o, "secret").ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || len(o.asked) > 0 {
			t.Errorf("%s answers another machine with %d", path, w.Code)
		}
	}
}

func TestTheToken(t *testing.T) {
	for bears, want := range map[string]int{
		"Bearer secret": 200, "": 401, "Bearer ": 401, "Bearer secre": 401, "Bearer secrets": 401, "bearer secret": 401, "Basic secret": 401, "secret": 401,
	} {
		o := &operator{}
		w := asks(handler(o, "secret"), "POST", "/admin/maintenance?node=3&on=true", "Authorization", bears)
		if w.Code != want || (len(o.asked) == 1) != (want == 200) {
			t.Errorf("%q is answered %d, want %d; asked for %v", bears, w.Code, want, o.asked)
		}
	}
	if w := asks(handler(&operator{}, ""), "POST", "/admin/maintenance?node=3&on=true"); w.Code != 200 {
		t.Errorf("without a token configured: %d", w.Code)
	}
	if w := asks(handler(&operator{}, "secret"), "GET", "/healthz"); w.Code != 200 {
		t.Errorf("a look is answered %d", w.Code)
	}
}

// What changes something is taken at a bounded rate, and so are guesses of the token, which keep
// nobody out who has it; looks are not counted.
func TestChangesComeAtABoundedRate(t *testing.T) {
	now := time.Unix(1000, 0)
	g := newGuard("secret")
	g.now = func() time.Time { return now }
	h := g.change(func(http.ResponseWriter, *http.Request) {})
	count := func(headers ...string) (taken int) {
		for range 2 * changesAtOnce {
			if w := asks(h, "POST", "/", headers...); w.Code != http.StatusTooManyRequests {
				taken++
			} else if w.Header().Get("Retry-After") == "" {
				t.Fatal("it is not said when to try again")
			}
		}
		return taken
	}
	guessed, secret := []string{"Authorization", "Bearer guessed"}, []string{"Authorization", "Bearer secret"}
	for _, step := range []struct {
		after   time.Duration
		guesses int
		changes int
	}{
		{0, changesAtOnce, changesAtOnce},
		{time.Second, changesPerSecond, changesPerSecond},
		{time.Hour, changesAtOnce, changesAtOnce},
		{-time.Hour, 0, 0}, // by a clock that went back
	} {
		now = now.Add(step.after)
		if n := count(guessed...); n != step.guesses {
			t.Errorf("%s later %d guesses, want %d", step.after, n, step.guesses)
		}
		if n := count(secret...); n != step.changes {
			t.Errorf("%s later %d changes, want %d", step.after, n, step.changes)
		}
	}
}
