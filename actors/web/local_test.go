package web

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
)

// What changes something answers programs on this machine, and no other site that a browser on it
// is looking at.
func TestOtherSitesChangeNothing(t *testing.T) {
	machine, _ := os.Hostname()
	for name, c := range map[string]struct {
		from, host string
		headers    map[string]string
		want       int
	}{
		"a program":                    {"127.0.0.1:4", "127.0.0.1:9094", nil, 200},
		"a program, by name":           {"127.0.0.1:4", "localhost:9094", nil, 200},
		"a program, by the host name":  {"127.0.0.1:4", machine + ":9094", nil, 200},
		"a program, version 6":         {"[::1]:4", "[::1]:9094", nil, 200},
		"another machine":              {"192.0.2.1:4", "127.0.0.1:9094", nil, 403},
		"another site's form":          {"127.0.0.1:4", "127.0.0.1:9094", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"another port's page":          {"127.0.0.1:4", "127.0.0.1:9094", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"an older browser's form":      {"127.0.0.1:4", "127.0.0.1:9094", map[string]string{"Origin": "http://evil.example"}, 403},
		"a sandboxed page":             {"127.0.0.1:4", "127.0.0.1:9094", map[string]string{"Origin": "null"}, 403},
		"a name that is pointed here":  {"127.0.0.1:4", "evil.example:9094", nil, 403},
		"such a name's own page":       {"127.0.0.1:4", "evil.example:9094", map[string]string{"Origin": "http://evil.example:9094", "Sec-Fetch-Site": "same-origin"}, 403},
		"this node's own page":         {"127.0.0.1:4", "127.0.0.1:9094", map[string]string{"Origin": "http://127.0.0.1:9094", "Sec-Fetch-Site": "same-origin"}, 200},
		"typed into a browser":         {"127.0.0.1:4", "localhost:9094", map[string]string{"Sec-Fetch-Site": "none"}, 200},
		"no name at all":               {"127.0.0.1:4", "", nil, 403},
		"a page of another local port": {"127.0.0.1:4", "localhost:9094", map[string]string{"Origin": "http://localhost:3000"}, 403},
	} {
		for path, method := range map[string]string{"/admin/maintenance?node=3&on=true": http.MethodPost, "/debug/pprof/cmdline": http.MethodGet} {
			s := &operator{}
			m := Handler(Options{Node: s, Metrics: http.NotFoundHandler()})
			r := httptest.NewRequest(method, path, nil)
			r.RemoteAddr, r.Host = c.from, c.host
			for k, v := range c.headers {
				r.Header.Set(k, v)
			}
			w := httptest.NewRecorder()
			m.ServeHTTP(w, r)
			if done := len(s.asked) > 0; w.Code != c.want || done && c.want != 200 {
				t.Errorf("%s, %s %s: answered %d, want %d; done: %v", name, method, path, w.Code, c.want, done)
			}
		}
	}
}
