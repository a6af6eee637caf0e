// Package memory is storage.Store in memory, able to crash.
package memory
