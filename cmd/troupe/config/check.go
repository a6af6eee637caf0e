package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func nodeID(v string) error {
	if n, err := strconv.ParseInt(v, 10, 32); err != nil || n < 0 {
		return errors.New("must be a whole number from 0 to 2147483647")
	}
	return nil
}

func notEmpty(v string) error {
	if v == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func oneOf(choices ...string) func(string) error {
	return func(v string) error {
		if !slices.Contains(choices, v) {
			return fmt.Errorf("must be one of %s", strings.Join(choices, ", "))
		}
		return nil
	}
}

func positiveDuration(v string) error {
	if d, err := time.ParseDuration(v); err != nil || d <= 0 {
		return errors.New("must be a duration above zero, such as 10s")
	}
	return nil
}

func durationFromZero(v string) error {
	if d, err := time.ParseDuration(v); err != nil || d < 0 {
		return errors.New("must be a duration of 0s or more, such as 1h")
	}
	return nil
}

// receiver holds a URL to what the OTLP exporters take.
func receiver(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("must be a URL such as http://localhost:4317 or https://collector:4317")
	}
	return nil
}

func atLeastZero(v string) error {
	if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < 0 {
		return errors.New("must be a whole number of 0 or more")
	}
	return nil
}

func atLeastOne(v string) error {
	if n, err := strconv.ParseInt(v, 10, 64); err != nil || n < 1 {
		return errors.New("must be a whole number of 1 or more")
	}
	return nil
}

func percent(v string) error {
	if f, err := strconv.ParseFloat(v, 64); err != nil || f < 0 || f > 90 {
		return errors.New("must be a number from 0 to 90")
	}
	return nil
}

func share(v string) error {
	if f, err := strconv.ParseFloat(v, 64); err != nil || !(f >= 0 && f <= 1) {
		return errors.New("must be a number from 0 to 1")
	}
	return nil
}

// splitAddress parses host:port; the host may be empty, the port is 1 to 65535. An IPv6 host stands
// in brackets, without them in what is returned.
func splitAddress(v string) (host string, port int, err error) {
	host, p, err := net.SplitHostPort(v)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not host:port (an IPv6 address in brackets: [::1]:9092)", v)
	}
	if _, err := netip.ParseAddr(host); strings.Contains(host, ":") && err != nil {
		return "", 0, fmt.Errorf("%q: %q is no IPv6 address", v, host)
	}
	port, err = strconv.Atoi(p)
	if err != nil || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("port of %q must be 1 to 65535", v)
	}
	return host, port, nil
}

func join(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

func wildcard(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
