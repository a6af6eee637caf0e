// Package journal is the node's append thread: it merges what all replicas ask for into one
// transaction and one sync.
package journal
