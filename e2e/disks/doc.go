// Package disks tests a node's store on disks that fail: that refuse to be written, and that lose
// what was not synced.
package disks
