// Package metadata is the state machine of __meta: nodes, topics, placement and configs. A
// [Command] goes in as an entry, an [Image] comes out. Shard ids, replica ids and producer ids are
// given out here, when a command is applied.
//
// Invariants: an image is never changed once it was made; what a command does follows from it and
// the image before alone; commands and images of earlier builds can be read (testdata).
//
// Begin to read in image.go (what there is), command.go (what may change it) and apply.go (how);
// reassignment.go and settled.go have how the replicas of a partition become others.
package metadata
