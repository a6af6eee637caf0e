// Package supervisor places partitions and leaders evenly over the nodes: pure planning, without a
// clock or a network. The actor that runs it where __meta leads, and submits what it says, is in
// actors/node/operate (supervise.go).
//
// It says where replicas are to be, as commands to the metadata. To start and stop them is for
// actors/node/hosting of the node in question.
//
// Begin to read in supervisor.go (Look), then plan.go (why a partition changes) and place.go (new
// partitions).
package supervisor
