package node

import (
	"fmt"
	"maps"
	"strings"
)

// kafkaSettings are the broker settings that were given and, by Kafka's names, what the node was
// started with otherwise, so that Kafka's tools find it where they look.
func kafkaSettings(c Config) map[string]string {
	all := map[string]string{
		"node.id": fmt.Sprint(c.ID), "broker.id": fmt.Sprint(c.ID), "process.roles": "broker,controller", "log.dirs": c.Dir,
	}
	if c.Rack != "" {
		all["broker.rack"] = c.Rack
	}
	var listen, advertised, protocols []string
	for _, l := range c.Listeners {
		listen = append(listen, l.Name+"://"+l.Listen)
		advertised = append(advertised, fmt.Sprintf("%s://%s:%d", l.Name, bracketed(l.AdvertisedHost), l.AdvertisedPort))
		protocols = append(protocols, l.Name+":PLAINTEXT")
	}
	if len(listen) > 0 {
		all["listeners"], all["advertised.listeners"] = strings.Join(listen, ","), strings.Join(advertised, ",")
		all["listener.security.protocol.map"] = strings.Join(protocols, ",")
	}
	maps.Copy(all, c.Settings)
	return all
}

// bracketed is a host as it stands before a port.
func bracketed(host string) string {
	if strings.Contains(host, ":") {
		return "[" + host + "]"
	}
	return host
}
