package metadata

import (
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
)

// Levels are the levels of a feature that a build supports.
type Levels struct {
	Min, Max int16

	Unknown Unknown `json:"-"`
}

// ClusterVersion is the feature that gates what all nodes must understand before any of them writes
// it: formats of __meta's commands, of entries, of messages between nodes. It is raised by the
// operator once every node runs a build that supports the new level.
const ClusterVersion = "troupe.version"

// Features are the levels that this build supports. A new cluster begins at each one's largest that
// all founders support, one that is upgraded stays where it is until the operator raises it.
var Features = map[string]Levels{ClusterVersion: {Min: 1, Max: checkedCommands}}

// Newest returns the levels that a cluster begins at whose founders are all of this build.
func Newest() map[string]int16 { return Common() }

// Common returns the levels that a cluster begins at which this build forms with founders of other
// builds, of each of which it is given what it supports; nil is one of the first builds. Every
// founder must understand the command that forms the cluster, and what follows it, as all others
// do. What is not named begins at its smallest level, and nothing is named for the sake of saying
// so: the first builds do not know that a cluster can begin at a level.
func Common(founders ...map[string]Levels) map[string]int16 {
	var levels map[string]int16
	for name, own := range Features {
		level := own.Max
		for _, supported := range founders {
			if supported == nil {
				supported = base
			}
			level = min(level, supported[name].Max)
		}
		if level > max(base[name].Min, own.Min-1) {
			if levels == nil {
				levels = make(map[string]int16, len(Features))
			}
			levels[name] = level
		}
	}
	return levels
}

// base is what is supported by nodes that do not say, and the level of a cluster whose level nobody
// has set.
var base = map[string]Levels{ClusterVersion: {Min: 1, Max: 1}}

// Feature returns the level that the whole cluster works at; 0 for a feature that is not in use.
func (i *Image) Feature(name string) int16 {
	if level, ok := i.Levels[name]; ok {
		return level
	}
	return base[name].Min
}

// FeaturesInUse returns all features with a level, in order.
func (i *Image) FeaturesInUse() []string {
	all := maps.Clone(base)
	for name := range i.Levels {
		all[name] = Levels{}
	}
	return slices.Sorted(maps.Keys(all))
}

// supports returns the levels of a feature that a node can work at.
func (n *Node) supports(feature string) Levels {
	if n.Features == nil {
		return base[feature]
	}
	return n.Features[feature]
}

// understood tells why a node cannot work in this cluster, nil if it can.
func (i *Image) understood(n *Node) *protocol.Error {
	for _, name := range i.FeaturesInUse() {
		level, can := i.Feature(name), n.supports(name)
		if level < can.Min || level > can.Max {
			return protocol.Errorf(kerr.UnsupportedVersion, "the cluster works at %s %d and node %d (version %s) supports %d to %d: start it with a build that "+
				"supports %d", name, level, n.ID, n.Version, can.Min, can.Max, level)
		}
	}
	return nil
}

// beyond returns an error if the cluster works at a level that this build does not support: it
// would make other metadata of the same log than its peers.
func (i *Image) beyond() error {
	for _, name := range i.FeaturesInUse() {
		if level, can := i.Feature(name), Features[name]; level < can.Min || level > can.Max {
			return errBeyond(name, level)
		}
	}
	return nil
}

// strange returns an error if an update is of a feature that this build does not know, and that all
// nodes support as they are registered: their builds carry it out.
func (i *Image) strange(c *UpdateFeatures) error {
	for _, u := range c.Updates {
		if _, ours := Features[u.Name]; !ours && u.Level != 0 && i.supported(u.Name, u.Level) {
			return errBeyond(u.Name, u.Level)
		}
	}
	return nil
}

// supported reports whether there are nodes, and all of them can work at a level of a feature.
func (i *Image) supported(feature string, level int16) bool {
	for _, n := range i.Nodes {
		if can := n.supports(feature); level < can.Min || level > can.Max {
			return false
		}
	}
	return len(i.Nodes) > 0
}

func errBeyond(feature string, level int16) error {
	can := Features[feature]
	return fmt.Errorf("metadata: the cluster works at %s %d and this build supports %d to %d: start this node with a build that supports %d", feature, level, can.Min, can.Max, level)
}

// UpdateFeatures sets the levels that the whole cluster works at, all or none.
type UpdateFeatures struct{ Updates []FeatureUpdate }

// FeatureUpdate sets one feature's level. A lower one than before must be asked for by Downgrade.
type FeatureUpdate struct {
	Name      string
	Level     int16
	Downgrade bool `json:",omitempty"`
}

func (c *UpdateFeatures) apply(i *Image, _ *Result) *protocol.Error {
	levels := maps.Clone(i.Levels)
	if levels == nil {
		levels = make(map[string]int16)
	}
	for at, u := range c.Updates {
		if slices.ContainsFunc(c.Updates[:at], func(o FeatureUpdate) bool { return o.Name == u.Name }) {
			return protocol.Errorf(kerr.InvalidRequest, "feature %s is named twice", u.Name)
		}
		if err := i.mayUpdate(u); err != nil {
			return err
		}
		levels[u.Name] = u.Level
	}
	if !maps.Equal(levels, i.Levels) {
		i.Levels, i.LevelsAt = levels, i.Index
	}
	return nil
}

// Updatable tells why features cannot be set so; nil if they can.
func (i *Image) Updatable(c *UpdateFeatures) *protocol.Error {
	next := *i
	return c.apply(&next, &Result{})
}

func (i *Image) mayUpdate(u FeatureUpdate) *protocol.Error {
	now := i.Feature(u.Name)
	if _, ours := Features[u.Name]; !ours && now == 0 {
		return protocol.Errorf(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s: there is no such feature; there are %v",
			u.Level, u.Name, slices.Sorted(maps.Keys(Features)))
	}
	if u.Level < now && !u.Downgrade {
		return protocol.Errorf(kerr.FeatureUpdateFailed, "%s is at %d: going back to %d must be asked for as a downgrade", u.Name, now, u.Level)
	}
	for _, id := range slices.Sorted(maps.Keys(i.Nodes)) {
		n := i.Nodes[id]
		if can := n.supports(u.Name); u.Level < can.Min || u.Level > can.Max {
			return protocol.Errorf(kerr.FeatureUpdateFailed, "node %d (version %s) supports %s from %d to %d, not %d: upgrade every node first",
				id, n.Version, u.Name, can.Min, can.Max, u.Level)
		}
	}
	return nil
}
