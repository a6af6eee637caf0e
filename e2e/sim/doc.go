// Package sim runs a whole cluster in one goroutine under a virtual clock: the production node of
// actors/node with all its cores and API handlers, in a World whose network loses, delays, reorders
// and splits, whose disks forget what was not synced, fill up, slow down and rot, and whose
// processes die at any step. What happens follows from a seed and repeats bit for bit.
//
// After every event the invariants of docs/invariants.md are checked ([Invariant]); at the end
// everything is healed, has to converge, and the history that clients recorded is checked
// (e2e/history).
//
// Nouns: a [World] holds machines; a machine has a disk and, while it runs, a process (a
// node.Node); a process has tasks, which are the node's goroutines run one at a time; an event is
// one step at one moment; a [Fault] is something the seed does to the world; a [Violation] is an
// invariant that did not hold.
package sim
