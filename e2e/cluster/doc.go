// Package cluster runs a cluster of real processes for a test: it builds the binary, gives every
// node a data directory and a block of ports of its own, starts, stops, kills, pauses and restarts
// nodes, and hands out clients.
//
// When the test ends, every process must have ended the way the test asked for, no log may hold a
// panic or a data race, and, unless the test failed already, every replica of every partition must
// hold identical bytes.
//
// The same tests can run against Apache Kafka (see Flavor), which proves that a test asks for what
// Kafka does.
package cluster
