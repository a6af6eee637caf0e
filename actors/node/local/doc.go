// Package local is the ground that the rooms of a node stand on: who this node is, what it knows of
// the cluster, its links, its clock and log, its goroutines, and its end.
//
// A Node is one running node as its rooms share it. It decides nothing. Who changes what is in it:
//
//   - the image of the metadata (SetImage): the actor of the metadata's replica.
//   - the identity (SetIdentity), which stands for the node's record on disk: whoever writes that
//     record, with it.
//   - the replica of the metadata (SetMeta): whoever opens it.
//
// Invariants: an image is never nil, and never changed after it was set; a goroutine that was begun
// with Do has ended when End returns; after Stop nothing waits any more that waits for Stopping or
// for Context.
//
// Signal, NodeSet and Gathering are what rooms are made of besides: news that many wait for, a set
// of nodes, and answers that come in by and by. Begin to read in node.go.
package local
