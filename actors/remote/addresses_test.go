package remote

import "testing"

func TestAdvertise(t *testing.T) {
	for _, c := range []struct{ advertised, bound, want string }{
		{"", "127.0.0.1:4000", "127.0.0.1:4000"},
		{"", "[::]:4000", "localhost:4000"},
		{"", "0.0.0.0:4000", "localhost:4000"},
		{"", ":4000", "localhost:4000"},
		{"", "[::1]:4000", "[::1]:4000"},
		{"host:0", "127.0.0.1:4000", "host:4000"},
		{"host:5000", "127.0.0.1:4000", "host:5000"},
		{":5000", "127.0.0.1:4000", "127.0.0.1:5000"},
		{":0", "[::]:4000", "localhost:4000"},
	} {
		if got := Advertise(c.advertised, c.bound); got != c.want {
			t.Errorf("%q, bound to %s, is advertised as %s, want %s", c.advertised, c.bound, got, c.want)
		}
	}
}
