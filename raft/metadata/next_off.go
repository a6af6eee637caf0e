//go:build !troupe_next

package metadata

// nextFields are the fields that the next build adds to Node: none yet. Tests of mixed clusters
// build one that adds some.
type nextFields struct{}
