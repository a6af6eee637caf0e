package web

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node"
)

//go:embed statusz.html
var statuszText string

var statuszPage = template.Must(template.New("statusz").Funcs(template.FuncMap{"bytes": sizeOf}).Parse(statuszText))

// statusPage is what the page shows.
type statusPage struct {
	health.Cluster
	Self    node.Status
	Unready string // why this node is not ready, empty if it is
	Version string
	At      string
	Up      int // nodes
}

// statusz is a page for people: the cluster as this node sees it, without scripts. Who asks for
// JSON, by ?format=json or by an Accept header that does not want HTML, gets the node's own status.
func statusz(n Node, version string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("format") == "json" || !strings.Contains(r.Header.Get("Accept"), "text/html") {
			writeJSON(w, n.Status())
			return
		}
		p := statusPage{Cluster: n.Health(r.Context()), Self: n.Status(), Version: version, At: time.Now().Format(time.DateTime + " MST")}
		if err := n.Unready(); err != nil {
			p.Unready = err.Error()
		}
		for _, one := range p.Nodes {
			if one.Up {
				p.Up++
			}
		}
		var b bytes.Buffer
		if err := statuszPage.Execute(&b, p); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		_, _ = b.WriteTo(w) // the client went away
	}
}

// sizeOf writes a number of bytes for people.
func sizeOf(n int64) string {
	if n <= 0 {
		return "–"
	}
	f, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if f < 1024 {
			break
		}
		f, unit = f/1024, next
	}
	return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0") + " " + unit
}
