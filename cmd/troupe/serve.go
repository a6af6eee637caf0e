package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/troupe-mq/troupe/actors/node"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/actors/telemetry"
	"github.com/troupe-mq/troupe/actors/web"
	"github.com/troupe-mq/troupe/cmd/troupe/config"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// serve runs a node until a signal or until it fails.
func serve(_ context.Context, c *config.Config) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, stopSignals()...)
	log, level := logger(c)
	for _, w := range c.Warnings {
		log.Warn("configuration", "warning", w)
	}
	limitMemory(c.Memory, log)
	t, err := telemetry.New(telemetryOptions(c, log))
	if err != nil {
		return failure{err}
	}
	config := nodeConfig(c, log)
	config.Level = level
	config.Tracer = t.Tracer()
	n, err := node.Start(config)
	if err != nil {
		return failure{err}
	}
	t.Observe(n)
	failed := make(chan error, 1)
	h := &http.Server{Addr: c.MetricsListen, Handler: web.Handler(web.Options{Node: n, Metrics: t.Metrics(), Logger: log, Level: level, Version: version(), Token: c.AdminToken}), ReadHeaderTimeout: 5 * time.Second}
	go func() { failed <- listenAndServe(h) }()
	select {
	case err = <-failed:
	case s := <-signals:
		log.Info("stopping", "signal", s.String())
	case <-n.Left():
		log.Info("stopping: this node is no member of the cluster any more")
	}
	go func() { <-signals; log.Warn("second signal: stopping at once"); os.Exit(1) }()
	if e := stop(n, t, c.ShutdownTimeout, log); err == nil {
		err = e
	}
	if err != nil {
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

// listenAndServe lets operators in, but not with the descriptors that the store needs.
func listenAndServe(h *http.Server) error {
	l, err := net.Listen("tcp", h.Addr)
	if err != nil {
		return err
	}
	return h.Serve(server.Spare(l))
}

// stop drains within three quarters of the time, then stops; what takes longer than all of it is
// abandoned.
func stop(n interface {
	Drain(context.Context) error
	Stop() error
}, t *telemetry.Telemetry, limit time.Duration, log *slog.Logger) error {
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit*3/4)
		defer cancel()
		if err := n.Drain(ctx); err != nil {
			log.Warn("not every leadership was handed over", "error", err)
		}
		tell, enough := context.WithTimeout(context.Background(), limit/8)
		defer enough()
		if err := t.Shutdown(tell); err != nil {
			log.Warn("the last telemetry was not delivered", "error", err)
		}
		done <- n.Stop()
	}()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("not stopped after %s", limit)
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
		Fatal: func(err error) { log.Error("the node must stop", "error", err); os.Exit(1) },
	}
}

func telemetryOptions(c *config.Config, log *slog.Logger) telemetry.Options {
	return telemetry.Options{
		NodeID: c.NodeID, Version: version(), Logger: log, Partitions: telemetry.Scope(c.Telemetry.Partitions),
		Endpoint: c.Telemetry.Endpoint, Protocol: c.Telemetry.OTLPProtocol, PushEvery: c.Telemetry.MetricsInterval,
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
