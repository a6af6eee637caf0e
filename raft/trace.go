//go:build !with_tla

package raft

import "go.etcd.io/raft/v3"

// traced does nothing: etcd/raft's trace hook is there with the build tag with_tla only.
func (r *Replica) traced(*raft.Config) {}
