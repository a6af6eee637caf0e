package web

import (
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
)

// local lets only programs on this machine through. A browser on this machine is one, and sends
// what any site tells it to: requests that another site caused are refused, and so are those to a
// name that is not this machine's, by which a site that points its own name at 127.0.0.1 would pass
// for the same origin (DNS rebinding).
func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if why := foreign(r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		next(w, r)
	}
}

// foreign says why a request is not one of a program on this machine; "" if it is one.
func foreign(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return "only from this machine"
	}
	if !ownName(r.Host) {
		return "only under a name or address of this machine: " + r.Host + " is none"
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		return "not from another site"
	}
	if origin := r.Header.Get("Origin"); origin != "" && !sameHost(origin, r.Host) {
		return "not from another site"
	}
	return ""
}

// sameHost reports whether an Origin header names the host and port that was asked.
func sameHost(origin, host string) bool {
	_, at, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(at, host)
}

// ownName reports whether a Host header names this machine: localhost, its host name or any
// address, for an address cannot be pointed elsewhere.
func ownName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	machine, _ := os.Hostname()
	names := []string{"localhost", machine}
	return host != "" && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, host) })
}
