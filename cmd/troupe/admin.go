package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// operated is what an operator can see of and do to a cluster by one of its nodes, whichever it is.
type operated interface {
	Health(context.Context) health.Cluster
	MayStop(context.Context, metadata.NodeID) []string
	Maintain(ctx context.Context, node metadata.NodeID, on bool) error
}

// adminTimeout bounds what an operator asks for.
const adminTimeout = 30 * time.Second

// operate adds the endpoints behind `troupe cluster`: what only looks is answered to everybody who reaches the address, as /metrics is; what changes
// something only to processes on this machine.
func operate(m *http.ServeMux, n operated) {
	m.HandleFunc("GET /admin/status", asked(func(ctx context.Context, _ *http.Request) (any, error) { return n.Health(ctx), nil }))
	m.HandleFunc("GET /admin/can-restart", asked(func(ctx context.Context, r *http.Request) (any, error) {
		id, err := nodeIn(r)
		if err != nil {
			return nil, err
		}
		reasons := n.MayStop(ctx, id)
		return restartAnswer{Safe: len(reasons) == 0, Reasons: reasons}, nil
	}))
	m.HandleFunc("POST /admin/maintenance", local(asked(func(ctx context.Context, r *http.Request) (any, error) {
		id, err := nodeIn(r)
		if err != nil {
			return nil, err
		}
		on, err := strconv.ParseBool(r.FormValue("on"))
		if err != nil {
			return nil, badRequest("on is neither true nor false")
		}
		return struct{}{}, n.Maintain(ctx, id, on)
	})))
}

// restartAnswer is the answer of /admin/can-restart.
type restartAnswer struct {
	Safe    bool     `json:"safe"`
	Reasons []string `json:"reasons"`
}

// badRequest is an error of whoever asks.
type badRequest string

func (b badRequest) Error() string { return string(b) }

func nodeIn(r *http.Request) (metadata.NodeID, error) {
	id, err := strconv.ParseInt(r.FormValue("node"), 10, 32)
	if err != nil {
		return 0, badRequest("node is not a node id: " + strconv.Quote(r.FormValue("node")))
	}
	return metadata.NodeID(id), nil
}

// asked answers with JSON, or with the text of an error: 400 if the cluster refused or did not understand, 503 if it could not.
func asked(answer func(context.Context, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), adminTimeout)
		defer cancel()
		v, err := answer(ctx, r)
		if err == nil {
			writeJSON(w, v)
			return
		}
		code, text := http.StatusServiceUnavailable, err.Error()
		var refused *protocol.Error
		if errors.As(err, &refused) && refused.Detail != "" {
			text = refused.Detail
			if !refused.Kafka.Retriable {
				code = http.StatusBadRequest
			}
		}
		if errors.As(err, new(badRequest)) {
			code = http.StatusBadRequest
		}
		http.Error(w, text, code)
	}
}
