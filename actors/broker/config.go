package broker

import (
	"errors"
	"log/slog"
	"time"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/telemetry"
)

// Config is what a broker is started with.
type Config struct {
	// Node is the node's; its Fatal and Tracer are the broker's to set. Without a Logger nothing is
	// logged.
	Node node.Config
	// World is where the node keeps its data, and how it reaches others; nil: disk and sockets.
	World *node.World
	// HTTP is the host:port of metrics, health and operation, port 0 for one that is free; empty: they
	// are not served.
	HTTP string
	// AdminToken is what a request over HTTP that changes something must bear; empty: none.
	AdminToken string
	// Telemetry is what is told of the node, and to whom; node id, version and logger are the node's.
	Telemetry telemetry.Options
	// StopTimeout bounds a stop that nobody asked for, 10 s by default.
	StopTimeout time.Duration
	// Broken is called once if the broker breaks, at once and on the goroutine that found it, before
	// anything else is done about it. It may end the process. May be nil.
	Broken func(error)
}

// defaultStopTimeout is Config.StopTimeout's default.
const defaultStopTimeout = 10 * time.Second

// complete fills in what may be left out.
func (c *Config) complete() error {
	if len(c.Node.Listeners) == 0 {
		return errors.New("broker: a listener for clients is needed")
	}
	if c.Node.Logger == nil {
		c.Node.Logger = slog.New(slog.DiscardHandler)
	}
	if c.StopTimeout == 0 {
		c.StopTimeout = defaultStopTimeout
	}
	if c.World == nil {
		w := node.Process()
		c.World = &w
	}
	if c.Telemetry.Partitions == "" {
		c.Telemetry.Partitions = telemetry.Auto
	}
	c.Telemetry.NodeID, c.Telemetry.Version, c.Telemetry.Logger = c.Node.ID, c.Node.Version, c.Node.Logger
	return nil
}
