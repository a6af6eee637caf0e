// Package metadata is the state machine of __meta: nodes, topics, placement and configs. A
// [Command] goes in as an entry, an [Image] comes out.
package metadata
