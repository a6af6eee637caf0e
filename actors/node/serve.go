package node

import (
	"time"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/coordinator"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/raft/group"
)

// openServer binds the listeners for clients, who wait until the node is a member.
func (n *Node) openServer() error {
	o := server.Options{
		Handler:         api.NewTable(n, n.groups, n.here.Log),
		Logger:          n.here.Log,
		MaxRequestBytes: int(n.settings().Number("socket.request.max.bytes")),
		InFlightBytes:   n.requestBytes(),
		Crowded:         n.crowded,
		AnswerBytes:     n.config.Memory / answersShare,
		MaxConnections:  int(n.settings().Number("max.connections")),
		MaxPerAddress:   int(n.settings().Number("max.connections.per.ip")),
		Ledger:          &n.ledger,
		Stages:          &n.stages,
		Tracer:          n.config.Tracer,
		IdleTimeout:     n.settings().Millis("connections.max.idle.ms"),
	}
	for _, l := range n.config.Listeners {
		o.Listeners = append(o.Listeners, server.Listener{Name: l.Name, Listen: l.Listen})
	}
	s, err := n.world.Server(o)
	if err != nil {
		return err
	}
	n.server, n.observer.Server = s, s
	n.bound(s.Addresses())
	return nil
}

// openGroups makes the group coordinators.
func (n *Node) openGroups() error {
	kind := coordinator.Groups(n.groupConfig, n.settings().Millis("offsets.retention.check.interval.ms"), n.config.Memory/groupsShare)
	n.groups = coordinator.New(kind, coordinator.Options{
		Host:    n.host,
		Runtime: n.here,
		Image:   n.Image,
		Replica: n.Replica,
		Agreed:  func(now int64) (int64, bool) { return n.upkeep.AgreedOf(now) },
		Room:    n.space.Roomy,
		Logger:  n.here.Log,
	})
	return nil
}

func (n *Node) groupConfig() group.Config {
	return group.Config{
		InitialRebalanceDelayMS: n.settings().Number("group.initial.rebalance.delay.ms"),
		MinSessionTimeoutMS:     int32(n.settings().Number("group.min.session.timeout.ms")),
		MaxSessionTimeoutMS:     int32(n.settings().Number("group.max.session.timeout.ms")),
		MaxSize:                 int(n.settings().Number("group.max.size")),
		MaxMetadataBytes:        int(n.settings().Number("offset.metadata.max.bytes")),
		OffsetsRetentionMS:      n.settings().Number("offsets.retention.minutes") * time.Minute.Milliseconds(),
	}
}

// settings are Kafka's broker settings on this node.
func (n *Node) settings() local.Settings { return n.Setting }
