// Package journal is the node's append thread: it merges what all replicas ask for into one
// transaction and one sync. Begin to read in journal.go, then run.go (the thread), merge.go (what
// goes into one transaction) and refuse.go (what the store does not take).
package journal
