package node

import (
	"net"
	"slices"
	"strconv"

	"github.com/troupe-mq/troupe/actors/remote"
)

// Addresses are where a node listens and what it tells others of that, with the ports that it got
// where port 0 was asked for.
type Addresses struct {
	Listeners     []Listener
	Control, Bulk Endpoint
}

// Addresses are the node's.
func (n *Node) Addresses() Addresses {
	a := Addresses{slices.Clone(n.config.Listeners), n.config.Control, n.config.Bulk}
	if listen, advertised := n.here.Links.Addresses(); listen != (remote.Address{}) {
		a.Control = Endpoint{listen.Control, advertised.Control}
		a.Bulk = Endpoint{listen.Bulk, advertised.Bulk}
	}
	return a
}

// bound completes the listeners by where they are bound.
func (n *Node) bound(at []net.Addr) {
	n.config.Listeners = slices.Clone(n.config.Listeners)
	for i, a := range at {
		l := &n.config.Listeners[i]
		l.Listen = a.String()
		advertised := net.JoinHostPort(l.AdvertisedHost, strconv.Itoa(int(l.AdvertisedPort)))
		host, port, _ := net.SplitHostPort(remote.Advertise(advertised, l.Listen))
		number, _ := strconv.ParseInt(port, 10, 32) // a listener's, or as given
		l.AdvertisedHost, l.AdvertisedPort = host, int32(number)
	}
}
