package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"go.opentelemetry.io/otel"

	"github.com/troupe-mq/troupe/actors/broker"
	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/actors/telemetry"
	"github.com/troupe-mq/troupe/cmd/troupe/config"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// serve runs a node until a signal or until it fails.
func serve(ctx context.Context, c *config.Config) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	log, level := logger(c)
	for _, w := range c.Warnings {
		log.Warn("configuration", "warning", w)
	}
	limitMemory(c.Memory, log)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { log.Warn("telemetry could not be delivered", "error", err) }))
	b, err := broker.Start(ctx, brokerConfig(c, log, level))
	if err != nil {
		return failure{err}
	}
	select {
	case <-b.Done():
	case s := <-signals:
		log.Info("stopping", "signal", s.String())
	case <-b.Left():
		log.Info("stopping: this node is no member of the cluster any more")
	}
	go func() { <-signals; log.Warn("second signal: stopping at once"); os.Exit(1) }()
	within, cancel := context.WithTimeout(context.Background(), c.ShutdownTimeout)
	defer cancel()
	if err := b.Stop(within); err != nil {
		return failure{err}
	}
	return nil
}

// stopSignals are what a node stops for in good order. A terminal that closes sends SIGHUP, as it
// does to Kafka's JVM; whoever started the node with nohup wants it to go on.
func stopSignals() []os.Signal {
	all := []os.Signal{syscall.SIGTERM, os.Interrupt}
	if !signal.Ignored(syscall.SIGHUP) {
		all = append(all, syscall.SIGHUP)
	}
	return all
}

// brokerConfig is the configuration of the broker. A node that cannot keep what it promised must
// not live longer than it takes to say so: the process ends where that is found.
func brokerConfig(c *config.Config, log *slog.Logger, level *slog.LevelVar) broker.Config {
	n := nodeConfig(c, log)
	n.Level = level
	return broker.Config{
		Node: n, HTTP: c.MetricsListen, AdminToken: c.AdminToken, Telemetry: telemetryOptions(c), StopTimeout: c.ShutdownTimeout,
		Broken: func(error) { os.Exit(1) },
	}
}

func nodeConfig(c *config.Config, log *slog.Logger) node.Config {
	peers := map[metadata.NodeID]remote.Address{}
	for id, p := range c.Peers {
		peers[metadata.NodeID(id)] = remote.Address{Control: p.Control, Bulk: p.Bulk}
	}
	listeners := make([]node.Listener, len(c.Listeners))
	for i, l := range c.Listeners {
		listeners[i] = node.Listener(l)
	}
	return node.Config{
		ID: metadata.NodeID(c.NodeID), Dir: c.DataDir, Rack: c.Rack, Listeners: listeners,
		Control: node.Endpoint{Listen: c.ControlListen, Advertised: c.ControlAdvertised},
		Bulk:    node.Endpoint{Listen: c.BulkListen, Advertised: c.BulkAdvertised},
		Disk: node.Disk{
			Watermarks:   space.Watermarks{FreeBytes: c.DiskFreeBytes, FreePercent: c.DiskFreePercent},
			BallastBytes: c.DiskBallastBytes, SlowSync: c.DiskSlowSync,
		},
		Scrub: node.Scrub{Every: c.ScrubInterval, Bytes: c.ScrubBytes}, LendBytes: c.RebuildBytes,
		Memory: c.Memory,
		Peers:  peers, Join: c.Join, Settings: c.Kafka, Version: version(), Logger: log,
	}
}

func telemetryOptions(c *config.Config) telemetry.Options {
	return telemetry.Options{
		Partitions: telemetry.Scope(c.Telemetry.Partitions),
		Endpoint:   c.Telemetry.Endpoint, Protocol: c.Telemetry.OTLPProtocol, PushEvery: c.Telemetry.MetricsInterval,
		Ratio: c.Telemetry.TraceRatio,
	}
}

// logger makes the process's log, and returns what changes its level.
func logger(c *config.Config) (*slog.Logger, *slog.LevelVar) {
	level := &slog.LevelVar{}
	_ = level.UnmarshalText([]byte(c.LogLevel)) // checked with the configuration
	o := &slog.HandlerOptions{Level: level}
	text := c.LogFormat == "text"
	if i, err := os.Stderr.Stat(); c.LogFormat == "auto" {
		text = err == nil && i.Mode()&os.ModeCharDevice != 0
	}
	var h slog.Handler = slog.NewJSONHandler(os.Stderr, o)
	if text {
		h = slog.NewTextHandler(os.Stderr, o)
	}
	return slog.New(telemetry.Handler(h)).With("node", c.NodeID), level
}
