package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/troupe-mq/troupe/actors/health"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/recovery"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Operated is what an operator can see of and do to a cluster by one of its nodes, whichever it is.
type Operated interface {
	Health(context.Context) health.Cluster
	MayStop(context.Context, metadata.NodeID) []string
	Maintain(ctx context.Context, node metadata.NodeID, on bool) error
	PlanRecovery(ctx context.Context, lost []metadata.NodeID) (recovery.Plan, error)
	Recover(ctx context.Context, lost []metadata.NodeID, plan string) (recovery.Plan, error)
	Topic(ctx context.Context, topic string) ([]node.ReplicaStatus, error)
	SetReaders(ctx context.Context, topic string, readers int) error
	Promote(ctx context.Context, topic string, partition int32, node metadata.NodeID) error
	Cluster(context.Context) (node.ClusterStatus, error)
	Administer(context.Context, metadata.Command) error
	Replacing(node metadata.NodeID) (node.Replacement, error)
}

// adminTimeout bounds what an operator asks for.
const adminTimeout = 30 * time.Second

// operate adds the endpoints behind `troupe cluster` and `troupe topic`: what only looks is
// answered to everybody who reaches the address, as /metrics is; what changes something is behind
// the guard.
func operate(m *http.ServeMux, n Operated, g *guard) {
	m.HandleFunc("GET /admin/status", asked(func(ctx context.Context, _ *http.Request) (any, error) { return n.Health(ctx), nil }))
	m.HandleFunc("GET /admin/can-restart", asked(func(ctx context.Context, r *http.Request) (any, error) {
		id, err := nodeIn(r)
		if err != nil {
			return nil, err
		}
		reasons := n.MayStop(ctx, id)
		return RestartAnswer{Safe: len(reasons) == 0, Reasons: reasons}, nil
	}))
	m.HandleFunc("POST /admin/maintenance", g.change(asked(func(ctx context.Context, r *http.Request) (any, error) {
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
	m.HandleFunc("GET /admin/recover", asked(func(ctx context.Context, r *http.Request) (any, error) {
		lost, err := nodesIn(r.FormValue("lost"))
		if err != nil {
			return nil, err
		}
		return n.PlanRecovery(ctx, lost)
	}))
	m.HandleFunc("POST /admin/recover", g.change(asked(func(ctx context.Context, r *http.Request) (any, error) {
		lost, err := nodesIn(r.FormValue("lost"))
		if err != nil {
			return nil, err
		}
		return n.Recover(ctx, lost, r.FormValue("plan"))
	})))
	operateTopics(m, n, g)
	operateNodes(m, n, g)
	operateReplace(m, n)
}

func operateTopics(m *http.ServeMux, n Operated, g *guard) {
	m.HandleFunc("GET /admin/topic", asked(func(ctx context.Context, r *http.Request) (any, error) { return n.Topic(ctx, r.FormValue("topic")) }))
	m.HandleFunc("POST /admin/read-replicas", g.change(asked(func(ctx context.Context, r *http.Request) (any, error) {
		count, err := strconv.Atoi(r.FormValue("count"))
		if err != nil {
			return nil, badRequest("count is not a number: " + strconv.Quote(r.FormValue("count")))
		}
		return struct{}{}, n.SetReaders(ctx, r.FormValue("topic"), count)
	})))
	m.HandleFunc("POST /admin/promote", g.change(asked(func(ctx context.Context, r *http.Request) (any, error) {
		partition, err := strconv.ParseInt(r.FormValue("partition"), 10, 32)
		if err != nil {
			return nil, badRequest("partition is not a number: " + strconv.Quote(r.FormValue("partition")))
		}
		id, err := nodeIn(r)
		if err != nil {
			return nil, err
		}
		return struct{}{}, n.Promote(ctx, r.FormValue("topic"), int32(partition), id)
	})))
}

// operateNodes adds the endpoints that change which nodes there are, and the one that shows how far
// that is.
func operateNodes(m *http.ServeMux, n Operated, g *guard) {
	m.HandleFunc("GET /admin/moves", asked(func(ctx context.Context, _ *http.Request) (any, error) { return n.Cluster(ctx) }))
	change := func(path string, command func(id metadata.NodeID, r *http.Request) metadata.Command) {
		m.HandleFunc("POST "+path, g.change(asked(func(ctx context.Context, r *http.Request) (any, error) {
			id, err := nodeIn(r)
			if err != nil {
				return nil, err
			}
			return struct{}{}, n.Administer(ctx, command(id, r))
		})))
	}
	change("/admin/decommission", func(id metadata.NodeID, r *http.Request) metadata.Command {
		return metadata.Command{DrainNode: &metadata.DrainNode{Node: id, Cancel: r.FormValue("cancel") == "true"}}
	})
	change("/admin/replace", func(id metadata.NodeID, _ *http.Request) metadata.Command {
		return metadata.Command{ReplaceNode: &metadata.ReplaceNode{Node: id}}
	})
}

// operateReplace adds the endpoint that tells what it would cost to declare the disk of a node
// lost.
func operateReplace(m *http.ServeMux, n Operated) {
	m.HandleFunc("GET /admin/replace", asked(func(_ context.Context, r *http.Request) (any, error) {
		id, err := nodeIn(r)
		if err != nil {
			return nil, err
		}
		return n.Replacing(id)
	}))
}

// RestartAnswer is the answer of /admin/can-restart.
type RestartAnswer struct {
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

// nodesIn reads node ids with commas between.
func nodesIn(list string) (nodes []metadata.NodeID, err error) {
	for item := range strings.SplitSeq(list, ",") {
		id, err := strconv.ParseInt(strings.TrimSpace(item), 10, 32)
		if err != nil {
			return nil, badRequest("not node ids with commas between: " + strconv.Quote(list))
		}
		nodes = append(nodes, metadata.NodeID(id))
	}
	return nodes, nil
}

// asked answers with JSON, or with the text of an error: 400 if the cluster refused or did not
// understand, 503 if it could not.
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
