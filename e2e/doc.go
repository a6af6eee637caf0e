// Package e2e holds the acceptance tests: real processes of the built binary, real clients, real
// faults.
//
// Every test starts its own cluster on ports of its own, asserts at every step, polls and never
// sleeps, and ends with the check that every replica of every partition holds identical bytes (see
// cluster.Cluster.Verify).
//
// Environment:
//
//	E2E_UNPRIVILEGED=1  leave out what needs root: hosts with networks and disks of their own
//	                    (e2e/hosts, e2e/chaos)
//	E2E_SEED=n       repeat the schedule of a run of faults
//	E2E_LONG=1       the full lengths of the chaos runs (minutes) instead of the short ones
//	E2E_RACE=1       build the server with the race detector
//	E2E_BIN=path     test this binary instead of building one
//	E2E_KEEP=1       keep data directories and logs of passed tests too
//	E2E_SERVED=1       compare what replicas serve to consumers instead of what they hold, for
//	                   binaries without /debug
//	E2E_KAFKA=dir    run against Apache Kafka, whose jars are in dir; proves the tests,
//	                 not the broker
package e2e
