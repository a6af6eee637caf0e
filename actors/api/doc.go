// Package api answers Kafka's requests. A handler authorizes, checks, asks a replica, the metadata
// or a coordinator, and answers.
//
// # Nouns
//
//   - An API is a row of the table (apis.go): a key, its versions, what a client must be allowed,
//     and the handler.
//   - A Table is the APIs of one node at work (dispatch.go).
//   - A Call is one request with all that its handler needs.
//   - Cluster is the node as handlers see it; actors/node implements it. Groups are its group
//     coordinators; coordinator.Host is them.
//
// # Invariants
//
//   - What is not in the table is neither advertised nor answered.
//   - A request reaches topics, groups and the cluster by seam.go only, which asks whether it may.
//   - A handler runs on the connection's reader and returns soon; what blocks does so in Call.Go.
//   - Every request is answered once.
//
// # Where to start
//
// table.go and apis.go, then produce.go, or offset_commit.go for one that asks a coordinator.
// Files are named after a key where it has one of its own, else after their subject: membership.go
// has the members of groups, groups_admin.go what is told of groups and how they are deleted,
// configs.go what handlers of settings share. What a new key takes is in ARCHITECTURE.md, Where to
// change what.
package api
