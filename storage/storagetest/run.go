// Package storagetest is the contract of storage.Store as tests. Every implementation runs all of
// it.
package storagetest

import (
	"testing"

	"github.com/troupe-mq/troupe/storage"
)

// Opener opens the store of a directory, which exists and is empty the first time. It is called
// again for the same directory after the store was closed, and must then return what was written.
type Opener func(dir string) (storage.Store, error)

// Run tests an implementation against the contract.
func Run(t *testing.T, open Opener) {
	for _, c := range []struct {
		name string
		test func(*testing.T, Opener)
	}{
		{"Node", testNode},
		{"FoundAppendRead", testFoundAppendRead},
		{"MaxBytes", testMaxBytes},
		{"Bounds", testBounds},
		{"Truncate", testTruncate},
		{"TruncateMany", testTruncateMany},
		{"Trim", testTrim},
		{"TrimMany", testTrimMany},
		{"Snapshot", testSnapshot},
		{"Generation", testGeneration},
		{"Next", testNext},
		{"NextAbandoned", testNextAbandoned},
		{"NextRefusals", testNextRefusals},
		{"Checkpoint", testCheckpoint},
		{"Remove", testRemove},
		{"Distrust", testDistrust},
		{"Verify", testVerify},
		{"Reached", testReached},
		{"Usage", testUsage},
		{"Refusals", testRefusals},
		{"RefusedWhole", testRefusedWhole},
		{"LargestWrite", testLargestWrite},
		{"Ownership", testOwnership},
		{"Order", testOrder},
		{"Closed", testClosed},
		{"Readers", testReaders},
		{"Model", testModel},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open) })
	}
}
