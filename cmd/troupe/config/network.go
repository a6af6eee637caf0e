package config

import (
	"fmt"
	"slices"
	"strings"
)

// parseListener reads NAME://host:port.
func parseListener(item string) (name, host string, port int, err error) {
	name, address, ok := strings.Cut(item, "://")
	if !ok || name == "" {
		return "", "", 0, fmt.Errorf("%q is not NAME://host:port", item)
	}
	name = strings.ToUpper(name)
	if slices.Contains(secured, name) {
		return "", "", 0, fmt.Errorf("%q: listeners have neither TLS nor SASL, and %s promises it: name the listener PLAINTEXT, or as you like", item, name)
	}
	host, port, err = splitAddress(address)
	return name, host, port, err
}

// secured are the names that say in Kafka how a listener is protected. Under them nothing may be
// served in the clear.
var secured = []string{"SSL", "SASL_PLAINTEXT", "SASL_SSL"}

func (r *resolver) listeners(c *Config) {
	told := r.advertised()
	for _, item := range list(r.values["listeners"]) {
		name, host, port, err := parseListener(item)
		if err != nil {
			r.complain("%s: listeners: %w", r.where("listeners"), err)
			continue
		}
		l := Listener{Name: name, Listen: join(host, port), AdvertisedHost: c.reachable(host), AdvertisedPort: int32(port)}
		if a, ok := told[name]; ok {
			l.AdvertisedHost, l.AdvertisedPort = a.AdvertisedHost, a.AdvertisedPort
			delete(told, name)
		}
		for _, other := range c.Listeners {
			if other.Name == name || other.Listen == l.Listen {
				r.complain("%s: listeners: %q repeats a name or an address", r.where("listeners"), item)
			}
		}
		c.Listeners = append(c.Listeners, l)
	}
	for name := range told {
		r.complain("%s: advertised.listeners: %s is not among listeners", r.where("advertised.listeners"), name)
	}
	if len(list(r.values["listeners"])) == 0 {
		r.complain("%s: listeners: at least one is needed", r.where("listeners"))
	}
}

func (r *resolver) advertised() map[string]Listener {
	told := map[string]Listener{}
	for _, item := range list(r.values["advertised.listeners"]) {
		name, host, port, err := parseListener(item)
		if err == nil && wildcard(host) {
			err = fmt.Errorf("%q names no host that clients can reach", item)
		}
		if err != nil {
			r.complain("%s: advertised.listeners: %w", r.where("advertised.listeners"), err)
			continue
		}
		told[name] = Listener{AdvertisedHost: host, AdvertisedPort: int32(port)}
	}
	return told
}

// endpoints fills in the remotes and the metrics address, which follow the first listener's port.
func (r *resolver) endpoints(c *Config) {
	host, port, _ := splitAddress(c.Listeners[0].Listen)
	private := host
	if wildcard(host) && c.alone() {
		private = "127.0.0.1" // nobody else has business there
	}
	self := c.Peers[c.NodeID]
	c.ControlListen, c.ControlAdvertised = r.endpoint(c, "control", private, port+1, self.Control)
	c.BulkListen, c.BulkAdvertised = r.endpoint(c, "bulk", private, port+3, self.Bulk)
	c.MetricsListen, _ = r.address("metrics.listen", join(host, port+2))
	r.overlaps(c)
}

func (r *resolver) endpoint(c *Config, kind, host string, port int, peer string) (listen, told string) {
	if peer != "" { // what the peers dial is what we listen on, unless told otherwise
		_, port, _ = splitAddress(peer)
	}
	listen, ok := r.address(kind+".listen", join(host, port))
	switch {
	case peer == "" && ok:
		h, p, _ := splitAddress(listen)
		peer = join(c.reachable(h), p)
	case peer == "" && r.values[kind+".advertised"] == "":
		return listen, "" // it follows the other one, about which enough was said
	}
	told, _ = r.address(kind+".advertised", peer)
	return listen, told
}

// address returns an address that is set, or otherwise one that follows another setting, and
// whether it is good.
func (r *resolver) address(name, def string) (string, bool) {
	follows := r.values[name] == ""
	if follows {
		r.values[name] = def
	}
	_, _, err := splitAddress(r.values[name])
	switch {
	case err != nil && follows:
		r.complain("%s: no port can be derived from the first listener's (%w): set %s", name, err, name)
	case err != nil:
		r.complain("%s: %s: %w", r.where(name), name, err)
	}
	return r.values[name], err == nil
}

// overlaps complains of two settings that take the same port of the same host.
func (r *resolver) overlaps(c *Config) {
	type place struct{ setting, address string }
	taken := []place{{"control.listen", c.ControlListen}, {"bulk.listen", c.BulkListen}, {"metrics.listen", c.MetricsListen}}
	for _, l := range c.Listeners {
		taken = append(taken, place{"listeners", l.Listen})
	}
	for at, one := range taken {
		for _, other := range taken[at+1:] {
			if one.setting != other.setting && overlap(one.address, other.address) {
				r.complain("%s: %s: %q and %s's %q are the same port", r.where(one.setting), one.setting, one.address, other.setting, other.address)
			}
		}
	}
}

// overlap reports whether only one of two addresses can be listened on.
func overlap(a, b string) bool {
	aHost, aPort, aErr := splitAddress(a)
	bHost, bPort, bErr := splitAddress(b)
	return aErr == nil && bErr == nil && aPort == bPort && (aHost == bHost || wildcard(aHost) || wildcard(bHost))
}
