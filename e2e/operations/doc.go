// Package operations makes plans of what an operator, or a bad day, does to a cluster: nodes join,
// drain and leave, die, restart, are cut off and taken out of the lead, partitions are moved.
// e2e/chaos does it to processes, e2e/sim to simulated nodes. After each operation the cluster must
// become calm by itself, and even in the end.
package operations
