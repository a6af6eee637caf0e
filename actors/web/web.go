package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/storage"
)

// Node is what the endpoints show of a node, and ask it for.
type Node interface {
	Unready() error
	Status() node.Status
	Stages() stages.Reading
	Digest(topic string, partition int32) (node.Digest, error)
	Store() storage.Store
	Operated
}

// Options are what the endpoints are made with.
type Options struct {
	Node    Node
	Metrics http.Handler   // answers scrapes
	Logger  *slog.Logger   // nil: nothing is logged
	Level   *slog.LevelVar // of Logger; nil: it cannot be changed, and /log/level is not there
	Version string         // of the build
	// Token is what a request that changes something must bear (Authorization: Bearer); empty: none.
	Token string
}

// Handler makes the endpoints of a node: /metrics, /healthz answers while the process runs,
// /readyz while clients should come here, /statusz says how node and cluster are, /log/level what
// is logged, /debug/replica what one replica holds, /debug/storage what all that is stored proves,
// /debug/stages where the time of produce requests went since the start, /debug/pprof where time
// and memory go. Those below /debug and /log answer only on this machine.
func Handler(o Options) http.Handler {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m, n, g := http.NewServeMux(), o.Node, newGuard(o.Token)
	m.Handle("GET /metrics", o.Metrics)
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	m.HandleFunc("GET /readyz", ready(n))
	m.HandleFunc("GET /statusz", statusz(n, o.Version))
	if o.Level != nil {
		level := logLevel(o.Level, o.Logger)
		m.HandleFunc("GET /log/level", local(level))
		m.HandleFunc("PUT /log/level", g.change(level))
	}
	operate(m, n, g)
	debug(m, n)
	return m
}

// debug adds the endpoints for whoever looks for a fault.
func debug(m *http.ServeMux, n Node) {
	m.HandleFunc("GET /debug/replica", local(replicaDigest(n)))
	m.HandleFunc("GET /debug/storage", local(func(w http.ResponseWriter, r *http.Request) { Verify(r.Context(), w, n.Store()) }))
	m.HandleFunc("GET /debug/stages", local(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, n.Stages()) }))
	m.HandleFunc("GET /debug/pprof/", local(pprof.Index))
	m.HandleFunc("GET /debug/pprof/profile", local(pprof.Profile))
	m.HandleFunc("GET /debug/pprof/trace", local(pprof.Trace))
	m.HandleFunc("GET /debug/pprof/symbol", local(pprof.Symbol))
	m.HandleFunc("GET /debug/pprof/cmdline", local(pprof.Cmdline))
}

// ready answers 200 while clients should come here, else 503 and why not.
func ready(n Node) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := n.Unready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	}
}

func replicaDigest(n Node) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		partition, err := strconv.ParseInt(r.FormValue("partition"), 10, 32)
		if err != nil {
			http.Error(w, "partition is not a number: ask for /debug/replica?topic=NAME&partition=0", http.StatusBadRequest)
			return
		}
		d, err := n.Digest(r.FormValue("topic"), int32(partition))
		switch {
		case errors.Is(err, node.ErrNoReplica):
			http.Error(w, err.Error(), http.StatusNotFound)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		default:
			writeJSON(w, d)
		}
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the client went away
}
