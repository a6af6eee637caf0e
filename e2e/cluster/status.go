package cluster

import (
	"context"
	"encoding/json"
	"fmt"
)

// Status is what a node says of itself at /statusz, as far as tests ask.
type Status struct {
	Replicas    int
	Quarantined int64
	Restored    int64
	Disk        string // ample, low or full
	DiskFree    int64
	InFlight    map[string]int64 // by the ledger's account
}

// Status asks the node how it is.
func (n *Node) Status(ctx context.Context) (s Status, err error) {
	body, err := n.Get(ctx, "/statusz")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("node %d: /statusz answers %.100q: %w", n.ID, body, err)
	}
	return s, nil
}
