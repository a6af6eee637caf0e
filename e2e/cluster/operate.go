package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"

	"github.com/troupe-mq/troupe/actors/health"
)

// Operate runs one of the binary's commands for operators on the node's machine, against that node,
// and returns what it prints. An exit code other than 0 is an error that holds it.
func (n *Node) Operate(ctx context.Context, args ...string) (string, error) {
	bin, err := Binary()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, bin, append(args, "--address="+address(n.Ports.Metrics))...)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := n.launch(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("node %d: troupe %s: %w: %s", n.ID, strings.Join(args, " "), err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}

// Health is how the cluster is, as the node tells an operator.
func (n *Node) Health(ctx context.Context) (h health.Cluster, err error) {
	body, err := n.Get(ctx, "/admin/status")
	if err != nil {
		return h, err
	}
	if err := json.Unmarshal(body, &h); err != nil {
		return h, fmt.Errorf("node %d: /admin/status answers %.100q: %w", n.ID, body, err)
	}
	return h, nil
}
