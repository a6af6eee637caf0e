package chaos

import (
	"slices"
	"testing"

	"github.com/troupe-mq/troupe/e2e/hosts"
)

func TestLinksAndWhoIsCutOff(t *testing.T) {
	up := func(int) bool { return true }
	for _, test := range []struct {
		fault   Fault
		clients bool // are cut from node 1
		cut     []int
	}{
		{Fault{Kind: "kill", Nodes: []int{1}}, false, nil},
		{Fault{Kind: "isolate", Nodes: []int{1}}, true, []int{1}},
		{Fault{Kind: "power", Nodes: []int{1, 2}}, true, []int{1, 2, 3}},
		{Fault{Kind: "split", Nodes: []int{1}}, false, []int{1}},
		{Fault{Kind: "flap", Nodes: []int{1}}, false, []int{1}},
		{Fault{Kind: "shatter", Nodes: []int{1, 2, 3}}, false, []int{1, 2, 3}},
		{Fault{Kind: "partial", Nodes: []int{1, 2}}, false, nil},
		{Fault{Kind: "deaf", Nodes: []int{1}}, false, []int{1}},
		{Fault{Kind: "mute", Nodes: []int{1}}, false, []int{1}},
		{Fault{Kind: "lossy", Nodes: []int{1}, Strength: 1}, false, nil},
	} {
		links := test.fault.links(3)
		if got := cutOff(3, 2, up, links); !slices.Equal(got, test.cut) {
			t.Errorf("%s: cut off are %v, want %v", test.fault, got, test.cut)
		}
		if got := links[hosts.Path{From: hosts.Clients, To: 1}].Cut; got != test.clients {
			t.Errorf("%s: clients are cut off: %t, want %t", test.fault, got, test.clients)
		}
	}
	deaf := Fault{Kind: "deaf", Nodes: []int{1}}.links(3)
	if !deaf[hosts.Path{From: 2, To: 1}].Cut || deaf[hosts.Path{From: 1, To: 2}].Cut {
		t.Error("a deaf node hears, or is not heard")
	}
	two := func(n int) bool { return n != 3 }
	if got := cutOff(3, 2, two, nil); !slices.Equal(got, []int{3}) {
		t.Errorf("node 3 is down: cut off are %v", got)
	}
	if got := cutOff(3, 2, func(n int) bool { return n == 1 }, nil); !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("nodes 2 and 3 are down: cut off are %v", got)
	}
	both := together(Fault{Kind: "lossy", Nodes: []int{1}, Strength: 1}.links(3), deaf)
	if l := both[hosts.Path{From: 2, To: 1}]; !l.Cut || l.Loss != mostLoss {
		t.Errorf("two faults together make %+v", l)
	}
}
