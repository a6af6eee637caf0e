package config

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Listener is an endpoint for Kafka clients.
type Listener struct {
	Name           string
	Listen         string // host:port
	AdvertisedHost string
	AdvertisedPort int32
}

// Peer is where a founder's two remotes are, host:port each.
type Peer struct{ Control, Bulk string }

// Telemetry is how the node is observed.
type Telemetry struct {
	Partitions             string // a telemetry.Scope
	Endpoint, OTLPProtocol string
	MetricsInterval        time.Duration
	TraceRatio             float64
}

// Config is a valid configuration with every default filled in.
type Config struct {
	NodeID                           int32
	DataDir, Rack                    string
	Listeners                        []Listener
	ControlListen, ControlAdvertised string
	BulkListen, BulkAdvertised       string
	MetricsListen                    string
	AdminToken                       string         // "": none is asked for
	Peers                            map[int32]Peer // empty: a cluster of one, unless Join is set
	Join                             []string       // control addresses of nodes of a running cluster
	DiskFreeBytes, DiskBallastBytes  int64
	DiskFreePercent                  float64
	DiskSlowSync                     time.Duration
	ScrubInterval                    time.Duration
	ScrubBytes, RebuildBytes         int64 // a second
	LogLevel, LogFormat              string
	ShutdownTimeout                  time.Duration
	Memory                           int64 // bytes; 0: not known
	Telemetry                        Telemetry
	Kafka                            map[string]string // Kafka's settings that were set
	// what was given and has no effect, a sentence each
	Warnings  []string
	effective map[string]string
}

// String is the effective configuration as a troupe.yaml, but for what is secret.
func (c *Config) String() string {
	var b strings.Builder
	for _, name := range sorted(c.effective) {
		if s, _ := Find(name); s.Secret && c.effective[name] != "" {
			fmt.Fprintf(&b, "# %s is set\n", name)
			continue
		}
		fmt.Fprintf(&b, "%s: %q\n", name, c.effective[name])
	}
	return b.String()
}

func (r *resolver) resolve() *Config {
	c := &Config{Kafka: map[string]string{}, effective: r.values}
	r.brokerID()
	r.checkAll(c)
	v := r.values
	id, _ := strconv.ParseInt(v["node.id"], 10, 32)
	c.NodeID, c.DataDir, c.Rack = int32(id), v["data.dir"], v["broker.rack"]
	c.AdminToken = v["admin.token"]
	c.LogLevel, c.LogFormat = v["log.level"], v["log.format"]
	c.DiskFreeBytes, _ = strconv.ParseInt(v["disk.free.min.bytes"], 10, 64)
	c.DiskFreePercent, _ = strconv.ParseFloat(v["disk.free.min.percent"], 64)
	c.DiskBallastBytes, _ = strconv.ParseInt(v["disk.ballast.bytes"], 10, 64)
	c.DiskSlowSync, _ = time.ParseDuration(v["disk.slow.sync"])
	c.ScrubInterval, _ = time.ParseDuration(v["disk.scrub.interval"])
	c.ScrubBytes, _ = strconv.ParseInt(v["disk.scrub.bytes.per.second"], 10, 64)
	c.RebuildBytes, _ = strconv.ParseInt(v["rebuild.bytes.per.second"], 10, 64)
	c.ShutdownTimeout, _ = time.ParseDuration(v["shutdown.timeout"])
	if c.Memory, _ = parseMemory(v["memory"]); v["memory"] == "" {
		c.Memory = MachineMemory() / 3
	}
	c.Telemetry = Telemetry{Partitions: v["metrics.partitions"], Endpoint: strings.TrimSuffix(v["otlp.endpoint"], "/"), OTLPProtocol: v["otlp.protocol"]}
	c.Telemetry.TraceRatio, _ = strconv.ParseFloat(v["trace.ratio"], 64)
	c.Telemetry.MetricsInterval, _ = time.ParseDuration(v["otlp.metrics.interval"])
	r.peers(c)
	r.join(c)
	r.listeners(c)
	if len(c.Listeners) > 0 {
		r.endpoints(c)
	}
	return c
}

// brokerID makes of Kafka's older name for the node's id what Kafka does: it counts where node.id
// is not given, and may not differ from it.
func (r *resolver) brokerID() {
	old, given := r.from["broker.id"]
	if !given {
		return
	}
	if _, both := r.from["node.id"]; !both {
		r.values["node.id"], r.from["node.id"] = r.values["broker.id"], old
	}
	if r.values["node.id"] != r.values["broker.id"] {
		r.complain("%s: broker.id = %q: node.id (%s) is %q: leave broker.id out", old, r.values["broker.id"], r.where("node.id"), r.values["node.id"])
	}
}

func (r *resolver) checkAll(c *Config) {
	for _, name := range sorted(r.values) {
		s, known := Find(name)
		check := s.check
		if !known || s.Kafka {
			c.Kafka[name] = r.values[name]
			check = func(v string) error {
				if r.catalog.Validate == nil {
					return nil
				}
				return r.catalog.Validate(name, v)
			}
		}
		if check == nil {
			continue
		}
		if err := check(r.values[name]); err != nil {
			r.complain("%s: %s = %q: %w", r.where(name), name, r.values[name], err)
		}
	}
}

func (r *resolver) where(name string) string {
	if w := r.from[name]; w != "" {
		return w
	}
	return "default"
}

func (r *resolver) peers(c *Config) {
	c.Peers = map[int32]Peer{}
	for _, item := range list(r.values["peers"]) {
		id, p, err := parsePeer(item)
		if err != nil {
			r.complain("%s: peers: %w", r.where("peers"), err)
			continue
		}
		if _, twice := c.Peers[id]; twice {
			r.complain("%s: peers: node %d is there twice", r.where("peers"), id)
		}
		c.Peers[id] = p
	}
	if _, in := c.Peers[c.NodeID]; len(c.Peers) > 0 && !in {
		r.complain("%s: peers: node.id %d is not in the list; every node's list names all founders, itself included", r.where("peers"), c.NodeID)
	}
}

func (r *resolver) join(c *Config) {
	if r.values["join"] == "" {
		return
	}
	for at := range strings.SplitSeq(r.values["join"], ",") {
		at = strings.TrimSpace(at)
		host, _, err := splitAddress(at)
		switch {
		case err != nil:
			r.complain("%s: join: %w", r.where("join"), err)
		case wildcard(host):
			r.complain("%s: join: %q names no host that this node can reach", r.where("join"), at)
		}
		c.Join = append(c.Join, at)
	}
	if len(c.Peers) > 0 {
		r.complain("%s: join: a node is one of the founders (peers) or joins a cluster that is there (join), not both", r.where("join"))
	}
}

// alone reports whether the node has no business with others.
func (c *Config) alone() bool { return len(c.Peers) == 0 && len(c.Join) == 0 }

// parsePeer reads id@host:control[/bulk].
func parsePeer(item string) (int32, Peer, error) {
	id, address, ok := strings.Cut(item, "@")
	n, err := strconv.ParseInt(id, 10, 32)
	if !ok || err != nil || n < 0 {
		return 0, Peer{}, fmt.Errorf("%q is not id@host:port[/bulkport]", item)
	}
	address, bulk, given := strings.Cut(address, "/")
	host, port, err := splitAddress(address)
	if err != nil {
		return 0, Peer{}, fmt.Errorf("%q: %w", item, err)
	}
	if wildcard(host) {
		return 0, Peer{}, fmt.Errorf("%q names no host that others can reach", item)
	}
	if !given {
		bulk = strconv.Itoa(port + 2)
	}
	if _, _, err := splitAddress(host2(host) + ":" + bulk); err != nil {
		return 0, Peer{}, fmt.Errorf("%q: bulk %w", item, err)
	}
	b, _ := strconv.Atoi(bulk)
	return int32(n), Peer{Control: join(host, port), Bulk: join(host, b)}, nil
}

// host2 puts brackets around an IPv6 address.
func host2(h string) string {
	if strings.Contains(h, ":") {
		return "[" + h + "]"
	}
	return h
}

func list(v string) (items []string) {
	for _, item := range strings.Split(v, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

// reachable is what others are told in place of a wildcard host.
func (c *Config) reachable(host string) string {
	if !wildcard(host) {
		return host
	}
	others := slices.Clone(c.Join)
	for _, p := range c.Peers {
		others = append(others, p.Control)
	}
	for _, address := range others {
		if h, _, _ := splitAddress(address); !loopback(h) {
			if name, err := os.Hostname(); err == nil {
				return name
			}
		}
	}
	return "localhost"
}
