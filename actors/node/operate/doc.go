// Package operate is the room of a node that changes the cluster: it submits commands to the
// metadata for everybody, carries out what operators ask for (maintenance, read-only replicas,
// replaced disks, recovery of lost majorities), and supervises where the metadata leads.
//
// Its nouns: a proposal is a command that was given to the metadata's replica here and has no
// outcome yet; an outcome is what became of it, as it is told to the node that forwarded it; the
// supervisor is the actor around actors/supervisor, which looks at the cluster and moves replicas.
//
// It owns the room for proposals, and the supervisor with its plan. Its neighbours are in Options:
// who leads, which replicas run here, whose disk is low, and the hosting of replicas, which a
// recovery forces.
//
// Invariants: a command whose outcome is not known is never submitted again by the room itself;
// Submit returns a result only once this node's image contains it; proposals are bounded, and each
// is given back with its outcome; one look of the supervisor is under way at a time.
//
// Begin to read in submit.go, then supervise.go; admin.go, readers.go and recover.go are what
// operators call.
package operate
