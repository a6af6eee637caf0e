// Package load keeps a cluster busy while a test breaks it, and records everything for the history
// check: producers that number their records, a consumer that reads along, a watcher that asks for
// high watermarks, and the reading of the final log.
package load
