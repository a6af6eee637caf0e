package node

import (
	"strconv"
	"time"

	"github.com/troupe-mq/troupe/actors/api"
	"github.com/troupe-mq/troupe/actors/server"
)

// openServer binds the listeners for clients, who wait until the node is a member.
func (n *Node) openServer() error {
	o := server.Options{
		Handler:         api.NewTable(n, n.groups, n.log),
		Logger:          n.log,
		MaxRequestBytes: int(n.number("socket.request.max.bytes")),
		InFlightBytes:   n.number("queued.max.request.bytes"),
		MaxConnections:  int(n.number("max.connections")),
		IdleTimeout:     time.Duration(n.number("connections.max.idle.ms")) * time.Millisecond,
	}
	for _, l := range n.config.Listeners {
		o.Listeners = append(o.Listeners, server.Listener{Name: l.Name, Listen: l.Listen})
	}
	s, err := server.Listen(o)
	if err != nil {
		return err
	}
	n.server = s
	return nil
}

// number returns a setting that is a whole number; it was checked when the node was configured.
func (n *Node) number(name string) int64 {
	v, _ := strconv.ParseInt(n.Setting(name), 10, 64)
	return v
}
