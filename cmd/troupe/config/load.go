package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Catalog knows Kafka's broker settings; raft/metadata has the real one. The zero Catalog knows the
// names of Settings only, and takes every value.
type Catalog struct {
	Known    func(name string) bool
	Validate func(name, value string) error // of a known setting
	Unused   func(name string) bool         // reports whether a known setting is read by nothing
}

func (c Catalog) knows(name string) bool { return c.Known != nil && c.Known(name) }

// Sources are the places values come from.
type Sources struct {
	File    string            // path of a troupe.yaml or of Kafka's server.properties, "" for none
	Environ []string          // NAME=value, as os.Environ
	Flags   map[string]string // by setting name, only what was given
	Set     []string          // name=value, as given to --set
	Catalog Catalog
}

// Load merges the sources and resolves them. The error joins everything that is wrong, one line
// each.
func Load(s Sources) (*Config, error) {
	r := resolver{values: map[string]string{}, from: map[string]string{}, catalog: s.Catalog}
	for _, d := range Settings {
		if !d.Kafka {
			r.values[d.Name] = d.Default
		}
	}
	switch {
	case isProperties(s.File):
		r.properties(s.File)
	case s.File != "":
		r.file(s.File)
	}
	r.environ(s.Environ)
	for _, name := range sorted(s.Flags) {
		r.set(name, s.Flags[name], "flag --"+name)
	}
	r.sets(s.Set)
	c := r.resolve()
	r.unused()
	c.Warnings = r.warnings
	if len(r.wrong) > 0 {
		return nil, errors.Join(r.wrong...)
	}
	return c, nil
}

// unused warns of what was set and has no effect.
func (r *resolver) unused() {
	for _, name := range sorted(r.from) {
		if r.catalog.Unused != nil && r.catalog.Unused(name) {
			r.warn("%s: %s has no effect here", r.from[name], name)
		}
	}
}

// resolver gathers values and everything that is wrong with them.
type resolver struct {
	values  map[string]string // by setting name
	from    map[string]string // where the value was set; absent for a default
	catalog Catalog
	wrong   []error

	warnings []string
}

func (r *resolver) complain(format string, a ...any) {
	r.wrong = append(r.wrong, fmt.Errorf(format, a...))
}

// known reports whether there is a setting of that name, Troupe's own or Kafka's.
func (r *resolver) known(name string) bool {
	_, ours := Find(name)
	return ours || r.catalog.knows(name)
}

func (r *resolver) set(name, value, where string) {
	if !r.known(name) {
		r.complain("%s: unknown setting %q%s", where, name, suggestion(name))
		return
	}
	r.values[name], r.from[name] = value, where
}

func (r *resolver) file(path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		r.complain("config file: %w", err)
		return
	}
	var doc map[string]any
	if err := yaml.Unmarshal(text, &doc); err != nil {
		r.complain("%s: %w", path, err)
		return
	}
	flat := map[string]string{}
	flatten(flat, "", doc)
	for _, name := range sorted(flat) {
		r.set(name, flat[name], path)
	}
}

// flatten makes node: {id: 1} the same as node.id: 1, and a list the same as its items with commas.
func flatten(out map[string]string, prefix string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			flatten(out, strings.TrimPrefix(prefix+"."+k, "."), x)
		}
	case []any:
		items := make([]string, len(v))
		for i, x := range v {
			items[i] = fmt.Sprint(x)
		}
		out[prefix] = strings.Join(items, ",")
	case nil:
		out[prefix] = ""
	default:
		out[prefix] = fmt.Sprint(v)
	}
}

// environ takes the variables of settings. A variable that names none is told and passed over:
// Kubernetes sets TROUPE_SERVICE_HOST, TROUPE_PORT_9092_TCP and more in every pod beside a Service
// named troupe.
func (r *resolver) environ(environ []string) {
	names := map[string]string{"TROUPE_CONFIG": ""} // the file's path is read by the command
	for _, s := range Settings {
		names[s.Env()] = s.Name
	}
	for _, e := range environ {
		variable, value, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(variable, "TROUPE_") {
			continue
		}
		name, ok := names[variable]
		if !ok {
			name = strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, "TROUPE_")), "_", ".")
		}
		switch {
		case name == "":
		case !r.known(name):
			r.warn("variable %s names no setting and is passed over%s", variable, suggestion(name))
		default:
			r.set(name, value, "variable "+variable)
		}
	}
}

func (r *resolver) sets(all []string) {
	for _, x := range all {
		name, value, ok := strings.Cut(x, "=")
		if !ok {
			r.complain("flag --set: %q is not name=value", x)
			continue
		}
		r.set(name, value, "flag --set")
	}
}

func sorted(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// suggestion names the nearest setting if it is near enough to be a typing error.
func suggestion(name string) string {
	best, at := "", len(name)/3+1
	for _, s := range Settings {
		if d := distance(name, s.Name); d < at {
			best, at = s.Name, d
		}
	}
	if best == "" {
		return "; troupe server --help lists all"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
