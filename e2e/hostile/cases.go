package hostile

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// setting is one field at one of its extremes.
type setting struct {
	field field
	to    extreme
}

// Case is a hostile request.
type Case struct {
	shape    shape
	settings []setting
}

// String says what is sent, so that a person can send it again.
func (c Case) String() string {
	var b strings.Builder
	b.WriteString(c.shape.String())
	for _, s := range c.settings {
		fmt.Fprintf(&b, ", %s = %s", strings.TrimPrefix(s.field.path, "."), s.to.name)
	}
	return b.String()
}

// request makes it. The last settings are made first, so that an element is set before it is
// repeated.
func (c Case) request(w World) kmsg.Request {
	r := w.plausible(c.shape)
	for i := len(c.settings) - 1; i >= 0; i-- {
		if v, ok := c.settings[i].field.in(r); ok {
			c.settings[i].to.set(v)
		}
	}
	return r
}

// Singles are all fields of all requests at all their extremes, alone, in the order of the APIs;
// only says which APIs, all of them if it is empty.
func (w World) Singles(only string) (all []Case) {
	for _, s := range shapes() {
		if only != "" && !strings.HasPrefix(s.String(), only) {
			continue
		}
		for _, f := range s.fields {
			v, ok := f.in(w.plausible(s))
			if !ok {
				continue
			}
			for _, e := range w.extremes(v.Type()) {
				all = append(all, Case{s, []setting{{f, e}}})
			}
		}
	}
	return all
}

// Pair is two fields of one request at extremes, drawn at random: of singles, one and another of
// the same shape. An array comes before what is in it.
func Pair(random *rand.Rand, singles []Case) Case {
	for {
		i := random.IntN(len(singles))
		a := singles[i]
		j := i + random.IntN(200) - 100
		if j < 0 || j >= len(singles) || singles[j].shape.String() != a.shape.String() || singles[j].settings[0].field.path == a.settings[0].field.path {
			continue
		}
		b := singles[j]
		if len(b.settings[0].field.path) < len(a.settings[0].field.path) {
			a, b = b, a
		}
		return Case{a.shape, []setting{a.settings[0], b.settings[0]}}
	}
}
