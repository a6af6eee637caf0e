package hosts

import "time"

// Clients is this process among the hosts, which count from 1.
const Clients = 0

// Path is one direction between two hosts.
type Path struct{ From, To int }

// Link says what happens to the packets of a path. The zero Link delivers them.
type Link struct {
	Cut   bool
	Loss  float64       // part of the packets that are lost
	Delay time.Duration // of each packet; their order stays
}
