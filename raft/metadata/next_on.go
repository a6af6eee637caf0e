//go:build troupe_next

package metadata

// nextFields are fields that a build of tomorrow might add to Node. Only tests of mixed clusters
// build it.
type nextFields struct {
	Zone string `json:",omitempty"`
}
