package remote

import (
	"net"
	"strconv"
)

// Addresses implements Links.
func (r *Remotes) Addresses() (listen, advertised Address) { return r.listen, r.advertised }

// bound notes where the lanes listen that have just been bound, and what peers are told.
func (r *Remotes) bound() {
	at := func(l lane, listen, advertised string) (string, string) {
		if _, port, err := net.SplitHostPort(listen); err == nil && port == "0" {
			listen = r.systems[l].Protoactor().Address() // see config
		}
		return listen, Advertise(advertised, listen)
	}
	o := &r.options
	r.listen.Control, r.advertised.Control = at(control, o.Listen.Control, o.Advertised.Control)
	r.listen.Bulk, r.advertised.Bulk = at(bulk, o.Listen.Bulk, o.Advertised.Bulk)
}

// Advertise completes an advertised host:port by where a listener is bound: an empty host is the
// listener's, or localhost where that is every address of the machine; an empty port, or port 0, is
// the listener's.
func Advertise(advertised, bound string) string {
	host, port, _ := net.SplitHostPort(advertised)
	at, number, _ := net.SplitHostPort(bound)
	if host == "" {
		host = at
		if ip := net.ParseIP(at); at == "" || ip != nil && ip.IsUnspecified() {
			host = "localhost"
		}
	}
	if n, err := strconv.Atoi(port); err != nil || n == 0 {
		port = number
	}
	return net.JoinHostPort(host, port)
}
