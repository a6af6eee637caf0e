// Package observe is the room of a node that looks and changes nothing: how the node is, what can
// be measured of it, what waits for long, how far consumer groups lag, how the members of a shard
// stand, and how the cluster is by what all nodes report.
//
// Its nouns: an observation is all that can be measured at one moment; a report is what a node says
// of itself to another; a picture is what this node knows and the others reported, to be judged by
// actors/health; a wait is something that does not go on, named once it has lasted; a place is an
// offset in a log that a group stands at; standing is how the members of a shard stand with their
// leader.
//
// It owns only what it remembers between two looks: since when things wait, timestamps at places,
// and which replicas were in sync once. Its neighbours are in Options.
//
// Invariants: nobody waits for an observer but who asked it; what actors and nodes do not answer in
// time is left out; transient problems are looked at again before they are reported.
//
// Begin to read in observation.go and status.go for one node, in health.go for the cluster.
package observe
