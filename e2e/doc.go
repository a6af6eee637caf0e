// Package e2e holds the acceptance tests: real processes of the built binary, real clients, real
// faults.
//
// Every test starts its own cluster on ports of its own, asserts at every step, polls and never
// sleeps, and ends with the check that every replica of every partition holds identical bytes (see
// cluster.Cluster.Verify).
//
// Files are named after what they promise:
//
//	durability      clusters form in any order; what is acknowledged stays, whoever stops or dies
//	independence    one partition's trouble is no other's; one address is enough
//	placement       topics are known everywhere, partitions even, one node may go
//	kills           nodes killed under load, one after the other
//	members, leave, operate, recover, upgrade
//	                nodes come and go, by an operator's hand, and builds change
//	rejoin, rot, flips, full, cleaning, deleted
//	                disks: older, empty, damaged, full; retention and compaction
//	observation, metrics, trace, observe
//	                what is seen from outside is what happened
//	racks, readers  consumers read near by
//	input, memory   nothing that one client sends harms another
//	local           one server alone; the cluster that the command runs on one machine
//
// Directories:
//
//	clients         unchanged clients of many languages
//	chaos, hosts    faults of processes, networks and disks, drawn by a seed
//	disks           a store on disks that refuse, and that forget what was not synced
//	hostile         every field of every request at its extremes
//	sim             whole clusters in one goroutine
//	operations      what an operator does to a cluster, for chaos and sim
//	troupetest      a cluster inside a test of somebody else
//	cluster, load, history, otlp, program
//	                what tests are made of
//	bench, soak     programs that measure
//
// Environment:
//
//	E2E_UNPRIVILEGED=1  leave out what needs root: hosts with networks and disks of their own
//	                    (e2e/hosts, e2e/chaos)
//	E2E_SEED=n          repeat the schedule of a run of faults
//	E2E_LONG=1          the full lengths of the chaos runs (minutes) instead of the short ones
//	E2E_RACE=1          build the server with the race detector
//	E2E_BIN=path        test this binary instead of building one
//	E2E_BEFORE=path     the binary of an earlier build, which this one is to replace node by node,
//	                    instead of the one of .ci/before
//	E2E_KEEP=1          keep data directories and logs of passed tests too
//	E2E_SERVED=1        compare what replicas serve to consumers instead of what they hold, for
//	                    binaries without /debug
//	E2E_KAFKA=dir       run against Apache Kafka, whose jars are in dir; proves the tests,
//	                    not the broker
package e2e
