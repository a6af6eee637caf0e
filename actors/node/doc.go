// Package node is the root of a running node: it makes the running replicas match the metadata and
// wires replicas, journal, links and API.
package node
