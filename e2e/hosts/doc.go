// Package hosts makes machines out of this one for tests that break them: every Host is a network
// namespace with, if wanted, a Disk of its own, and all hosts are joined by a Network that this
// process forwards packet by packet. So links can be cut in one direction, lose and delay packets,
// and disks can stall, fill up, and lose what was not synced, each at a moment that the test
// chooses and counts.
//
// Nothing is needed but root, /dev/net/tun and, for disks, mkfs and loop devices (see Missing).
// Hosts end with the process that made them.
package hosts
