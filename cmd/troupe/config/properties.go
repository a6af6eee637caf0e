package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/magiconair/properties"
)

// isProperties reports whether a configuration file is one of Kafka's, a server.properties.
func isProperties(path string) bool { return strings.HasSuffix(path, ".properties") }

// properties reads a server.properties of Kafka. What Troupe has by the same name counts; what says
// the same by another name is translated; the rest is named in a warning and has no effect, as a
// broker that replaces another has to start with the other's file.
func (r *resolver) properties(path string) {
	p, err := (&properties.Loader{Encoding: properties.UTF8, DisableExpansion: true}).LoadFile(path)
	if err != nil {
		r.complain("config file: %w", err)
		return
	}
	values := p.Map()
	r.kafkaNames(values, path)
	var unused []string
	for _, name := range sorted(values) {
		if r.known(name) {
			r.set(name, values[name], path)
		} else {
			unused = append(unused, name)
		}
	}
	if len(unused) > 0 {
		r.warn("%s: without effect here: %s", path, strings.Join(unused, ", "))
	}
}

// kafkaNames puts what Kafka says by other names under ours, and takes Kafka's out.
func (r *resolver) kafkaNames(values map[string]string, path string) {
	take := func(name string) string {
		v := strings.TrimSpace(values[name])
		delete(values, name)
		return v
	}
	dirs, dir := take("log.dirs"), take("log.dir")
	if dirs == "" {
		dirs = dir
	}
	if all := list(dirs); len(all) > 0 && values["data.dir"] == "" {
		values["data.dir"] = all[0]
		if len(all) > 1 {
			r.warn("%s: log.dirs: a node has one directory: %s is used, not %s", path, all[0], strings.Join(all[1:], ", "))
		}
	}
	controllers := upper(list(take("controller.listener.names")))
	for _, name := range []string{"listeners", "advertised.listeners"} {
		if v, ok := values[name]; ok {
			values[name] = strings.Join(withoutListeners(list(v), controllers), ",")
		}
	}
	r.inTheClear(list(take("listener.security.protocol.map")), list(values["listeners"]), path)
	r.quorum(values, take("controller.quorum.voters"), path)
	delete(values, "process.roles") // every node serves clients and holds the metadata
}

// inTheClear refuses a listener that Kafka would protect: served without, it would show what it
// should not.
func (r *resolver) inTheClear(protocols, listeners []string, path string) {
	for _, item := range protocols {
		name, protocol, _ := strings.Cut(item, ":")
		used := slices.ContainsFunc(listeners, func(l string) bool {
			return strings.HasPrefix(strings.ToUpper(l), strings.ToUpper(name)+"://")
		})
		if used && !strings.EqualFold(protocol, "PLAINTEXT") {
			r.complain("%s: listener.security.protocol.map: %s: listeners have neither TLS nor SASL", path, item)
		}
	}
}

// quorum takes the voters of KRaft's controllers for the founders: id@host:port is what peers are,
// too, and the controllers' port is where nodes talk to each other.
func (r *resolver) quorum(values map[string]string, voters, path string) {
	if all := list(voters); len(all) > 1 && values["peers"] == "" && values["join"] == "" {
		values["peers"] = voters
		r.warn("%s: controller.quorum.voters is taken for peers: the founders of the cluster, at the addresses where nodes reach each other", path)
	}
}

// withoutListeners drops the listeners of Kafka's controllers: Troupe has no controllers apart.
func withoutListeners(all, names []string) []string {
	return slices.DeleteFunc(all, func(item string) bool {
		name, _, _ := strings.Cut(item, "://")
		return slices.Contains(names, strings.ToUpper(name))
	})
}

func upper(all []string) []string {
	for i := range all {
		all[i] = strings.ToUpper(all[i])
	}
	return all
}

func (r *resolver) warn(format string, a ...any) {
	r.warnings = append(r.warnings, fmt.Sprintf(format, a...))
}
