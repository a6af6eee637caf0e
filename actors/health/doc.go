// Package health judges how a cluster is: a [Picture] of what one node knows and what the others
// reported becomes a [Cluster] with its [Problem]s, and the question whether a node can be stopped
// becomes a list of reasons against it. Plain functions, without a clock or a network.
// Nodes ask each other for reports in actors/node/observe (health.go). Begin to read in assess.go,
// then restart.go.
package health
