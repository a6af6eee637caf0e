package telemetry

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/troupe-mq/troupe/actors/node"
)

// groupsShown is how many groups have series of their own. Clients choose how many groups there are
// and what they are called; a receiver of metrics has to remember every name.
const groupsShown = 1000

// otherGroups is the label of all groups that have none of their own.
const otherGroups = "(others)"

// labelBytes bounds a label's value; longer ones are cut.
const labelBytes = 255

// labelOf makes a label's value of what a client chose: the encodings of metrics take nothing but
// UTF-8, and one value that is not spoils all that is sent with it.
func labelOf(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= labelBytes {
		return s
	}
	at := labelBytes
	for !utf8.RuneStart(s[at]) {
		at--
	}
	return s[:at]
}

// shownGroups returns the groups as they are shown, by distinct labels: those with members first,
// then those with offsets; what is beyond the bound is one group, and so are those that look the
// same.
func shownGroups(all []node.GroupReading) []node.GroupReading {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b node.GroupReading) int {
		return cmp.Or(first(a.Members > 0, b.Members > 0), first(len(a.Lags) > 0, len(b.Lags) > 0), cmp.Compare(a.Group, b.Group))
	})
	var shown []node.GroupReading
	at := make(map[string]int)
	for _, g := range sorted {
		label := labelOf(g.Group)
		if _, known := at[label]; !known && len(at) >= groupsShown {
			label = otherGroups
		}
		i, known := at[label]
		if !known {
			at[label] = len(shown)
			g.Group = label
			shown = append(shown, g)
			continue
		}
		shown[i].Members += g.Members
		shown[i].Lags = slices.Concat(shown[i].Lags, g.Lags)
	}
	return shown
}

// first compares two so that what is true comes first.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
