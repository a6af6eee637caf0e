// Package hosting is the room of a node that runs its replicas: it opens what the metadata places
// here and stops what it does not place here any more, carries their messages, gives their logs to
// replicas elsewhere, has lost ones replaced, and tells the metadata which members their shards
// have.
//
// Its nouns: a hosted replica is one that runs here, with its actor; Replicas is the table of them,
// of which a reader sees one moment; the replica host is this node as its replicas see it; the log
// source is the actor that gives logs to those elsewhere that pull them; a loss is a replica whose
// data cannot be used, and which is out of service until another one has taken its place; a forcing
// is a step of a recovery by the operator.
//
// It owns the table, the losses, the forcings, how many replicas are placed here, and whether the
// disk was swept of what is not placed here. One goroutine, that of Reconcile, changes the table.
// Its neighbours are in Options: the journal and the store, leaderships and group coordinators,
// which hear of what comes and goes, the space on disks, membership, and whoever submits commands.
//
// Invariants: what a replica begins with is durable before it is opened; what the disk holds is
// deleted only by an image that the metadata confirmed, never by one that is being replayed; a
// replica that was a member of its shard and of which the disk knows nothing is lost, and never
// begins anew under its name; members are told to the metadata only once a majority of the voters
// cannot forget them.
//
// Begin to read in hosting.go, then reconcile.go; handout.go and replicahost.go are the ways of a
// message, outofservice.go and force.go what happens when data is lost.
package hosting
