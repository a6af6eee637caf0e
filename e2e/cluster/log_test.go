package cluster

import (
	"os"
	"strings"
	"testing"
)

func TestComplaints(t *testing.T) {
	for _, test := range []struct {
		log  string
		want int
	}{
		{"--- 10:00:00 troupe server\nall is well\n", 0},
		{"--- 10:00:00 troupe server\npanic: boom\n", 1},
		{"--- 10:00:00 troupe server\nWARNING: DATA RACE\n--- 10:00:01 troupe server\nfatal error: fault\n", 2},
		{"--- 10:00:00 troupe server\n*** doomed\nfatal error: fault\n", 0},
		{"--- 10:00:00 troupe server\npanic: boom\n*** doomed\nfatal error: fault\n", 1},
		{"--- 10:00:00 troupe server\n*** doomed\nfatal error: fault\n--- 10:00:01 troupe server\npanic: boom\n", 1},
	} {
		n := &Node{Dir: t.TempDir()}
		if err := os.WriteFile(n.Log(), []byte(test.log), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := n.complaints(); len(got) != test.want {
			t.Errorf("%d complaints %q of\n%s\nwant %d", len(got), strings.Join(got, "; "), test.log, test.want)
		}
	}
}
