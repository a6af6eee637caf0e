package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"strconv"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/stages"
	"github.com/troupe-mq/troupe/storage"
)

// observed is what the HTTP endpoints show of a node.
type observed interface {
	Unready() error
	Status() node.Status
	Stages() stages.Reading
	Digest(topic string, partition int32) (node.Digest, error)
	Store() storage.Store
	operated
}

// endpoints are for people, load balancers, Prometheus and tests: /metrics, /healthz answers while
// the process runs, /readyz while clients should come here, /statusz says how node and cluster are,
// /log/level what is logged, /debug/replica what one replica holds, /debug/storage what all that is
// stored proves, /debug/stages where the time of produce requests went since the start,
// /debug/pprof where time and memory go. Those below /debug and /log answer only on this machine.
func endpoints(n observed, metrics http.Handler, level http.HandlerFunc) http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", metrics)
	m.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	m.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := n.Unready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	m.HandleFunc("GET /statusz", statusz(n))
	m.HandleFunc("GET /log/level", local(level))
	m.HandleFunc("PUT /log/level", local(level))
	operate(m, n)
	m.HandleFunc("GET /debug/replica", local(replicaDigest(n)))
	m.HandleFunc("GET /debug/storage", local(storageVerified(n)))
	m.HandleFunc("GET /debug/stages", local(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, n.Stages()) }))
	m.HandleFunc("GET /debug/pprof/", local(pprof.Index))
	m.HandleFunc("GET /debug/pprof/profile", local(pprof.Profile))
	m.HandleFunc("GET /debug/pprof/trace", local(pprof.Trace))
	m.HandleFunc("GET /debug/pprof/symbol", local(pprof.Symbol))
	m.HandleFunc("GET /debug/pprof/cmdline", local(pprof.Cmdline))
	return m
}

func replicaDigest(n observed) http.HandlerFunc {
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
