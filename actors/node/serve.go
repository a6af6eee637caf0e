package node

import (
	"math"
	"strconv"
	"time"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/raft/group"
)

// openServer binds the listeners for clients, who wait until the node is a member.
func (n *Node) openServer() error {
	o := server.Options{
		Handler:         api.NewTable(n, n.groups, n.here.Log),
		Logger:          n.here.Log,
		MaxRequestBytes: int(n.number("socket.request.max.bytes")),
		InFlightBytes:   n.requestBytes(),
		Crowded:         n.crowded,
		AnswerBytes:     n.config.Memory / answersShare,
		MaxConnections:  int(n.number("max.connections")),
		MaxPerAddress:   int(n.number("max.connections.per.ip")),
		Ledger:          &n.ledger,
		Stages:          &n.stages,
		Tracer:          n.config.Tracer,
		IdleTimeout:     n.millis("connections.max.idle.ms"),
	}
	for _, l := range n.config.Listeners {
		o.Listeners = append(o.Listeners, server.Listener{Name: l.Name, Listen: l.Listen})
	}
	s, err := n.world.Server(o)
	if err != nil {
		return err
	}
	n.server = s
	n.bound(s.Addresses())
	return nil
}

// openGroups makes the group coordinators.
func (n *Node) openGroups() error {
	kind := coordinator.Groups(n.groupConfig, n.millis("offsets.retention.check.interval.ms"), n.config.Memory/groupsShare)
	n.groups = coordinator.New(kind, coordinator.Options{
		Host:    n.host,
		Runtime: n.here,
		Image:   n.Image,
		Replica: n.Replica,
		Agreed:  n.agreedOf,
		Room:    n.space.Roomy,
		Logger:  n.here.Log,
	})
	return nil
}

func (n *Node) groupConfig() group.Config {
	return group.Config{
		InitialRebalanceDelayMS: n.number("group.initial.rebalance.delay.ms"),
		MinSessionTimeoutMS:     int32(n.number("group.min.session.timeout.ms")),
		MaxSessionTimeoutMS:     int32(n.number("group.max.session.timeout.ms")),
		MaxSize:                 int(n.number("group.max.size")),
		MaxMetadataBytes:        int(n.number("offset.metadata.max.bytes")),
		OffsetsRetentionMS:      n.number("offsets.retention.minutes") * time.Minute.Milliseconds(),
	}
}

// number returns a setting that is a whole number; it was checked when the node was configured.
func (n *Node) number(name string) int64 {
	v, _ := strconv.ParseInt(n.Setting(name), 10, 64)
	return v
}

// millis is a setting in ms; one that is longer than a Duration, as the largest number that stands
// for never, is the longest.
func (n *Node) millis(name string) time.Duration {
	return time.Duration(min(n.number(name), int64(math.MaxInt64/time.Millisecond))) * time.Millisecond
}
