//go:build troupe_next

package node

import "github.com/troupe-mq/troupe/raft/metadata"

// describeNext adds to a node's description what a build of tomorrow might say of itself. Only
// tests of mixed clusters build it.
func describeNext(d *metadata.Node) { d.Zone = "zone-of-tomorrow" }
