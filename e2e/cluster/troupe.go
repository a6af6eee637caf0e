package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Troupe is our binary.
type Troupe struct{}

// Name implements Flavor.
func (Troupe) Name() string { return "troupe" }

// Command implements Flavor. This is the one place that knows the binary's flags.
func (Troupe) Command(c *Cluster, n *Node) (*exec.Cmd, error) {
	bin, err := Binary()
	if err != nil {
		return nil, err
	}
	if n.binary != "" {
		bin = n.binary
	}
	args := []string{
		"server",
		"--node.id=" + strconv.Itoa(int(n.ID)),
		"--data.dir=" + n.Data(),
		"--listeners=PLAINTEXT://" + n.Addr(),
		"--advertised.listeners=PLAINTEXT://" + n.Addr(),
		"--control.listen=" + n.at(n.Ports.Control),
		"--bulk.listen=" + n.at(n.Ports.Bulk),
		"--metrics.listen=" + n.metrics(),
		"--log.format=text",
		// a test that wants to see a full disk says so
		"--disk.free.min.bytes=0", "--disk.free.min.percent=0", "--disk.ballast.bytes=0",
	}
	switch {
	case n.join != nil:
		args = append(args, "--join="+n.join.at(n.join.Ports.Control))
	case len(c.peers) > 1:
		args = append(args, "--peers="+n.peerList())
	}
	for name, value := range c.settings {
		args = append(args, "--set="+name+"="+value)
	}
	return exec.Command(bin, args...), nil
}

// peerList is the value of --peers: the founders, control addresses.
func (n *Node) peerList() string {
	items := make([]string, len(n.peers))
	for i, p := range n.peers {
		items[i] = fmt.Sprintf("%d@%s", p.ID, p.at(p.Ports.Control))
	}
	return strings.Join(items, ",")
}

// Ready implements Flavor by /readyz.
func (Troupe) Ready(ctx context.Context, _ *Cluster, n *Node) error {
	_, err := n.Get(ctx, "/readyz")
	return err
}

// Replica implements Flavor by the debug endpoint; with E2E_SERVED=1 by what the node serves to
// consumers instead of what it holds.
func (Troupe) Replica(ctx context.Context, _ *Cluster, n *Node, topic string, partition int32) (r Replica, err error) {
	if os.Getenv("E2E_SERVED") != "" {
		return n.readReplica(ctx, topic, partition)
	}
	q := url.Values{"topic": {topic}, "partition": {strconv.Itoa(int(partition))}}
	body, err := n.Get(ctx, "/debug/replica?"+q.Encode())
	if err != nil {
		return Replica{}, err
	}
	if err := json.Unmarshal(body, &r); err != nil {
		return Replica{}, fmt.Errorf("node %d: /debug/replica answers %.100q: %w", n.ID, body, err)
	}
	if r.Hash == "" {
		return Replica{}, fmt.Errorf("node %d: /debug/replica answers without a hash: %.200q", n.ID, body)
	}
	return r, nil
}

// metrics is where the node listens for questions about itself: on all addresses, if it has a
// machine to itself.
func (n *Node) metrics() string {
	if n.machine == nil {
		return address(n.Ports.Metrics)
	}
	return fmt.Sprintf(":%d", n.Ports.Metrics)
}

// http asks from the node's own machine: some questions are not answered to others, and a network
// that is cut does not matter.
func (n *Node) http() *http.Client {
	if n.machine == nil {
		return http.DefaultClient
	}
	dial := func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		err = n.machine.Do(func() (err error) { conn, err = new(net.Dialer).DialContext(ctx, network, addr); return err })
		return conn, err
	}
	return &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
}

// Get asks the node's metrics address; an answer other than 200 is an error that holds its text.
func (n *Node) Get(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(n.Ports.Metrics)+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := n.http().Do(req)
	if err != nil {
		return nil, fmt.Errorf("node %d: %w", n.ID, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("node %d: %s: %s: %.300s", n.ID, path, resp.Status, strings.TrimSpace(string(body)))
	}
	return body, err
}

// Troupe runs the binary with a command of its own and returns what it prints; an exit code other
// than 0 is an error.
func (n *Node) Troupe(args ...string) (string, error) {
	n.t.Helper()
	bin, err := Binary()
	if err != nil {
		n.t.Fatal(err)
	}
	out, err := exec.Command(bin, args...).CombinedOutput()
	return string(out), err
}
