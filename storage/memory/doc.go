// Package memory is storage.Store in memory. It can crash, forgetting what was not synced, and it
// can corrupt and lose entries, so that tests and the simulator see what a disk may do. It is
// deterministic and starts no goroutine.
package memory
