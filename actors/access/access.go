// Package access says whether a principal may do an operation to a resource, in Kafka's terms: the
// same operations, kinds of resources and numbers as in its ACLs. It decides and knows nothing of
// connections, requests or errors.
package access

import "net/netip"

// Operation is what somebody wants to do to a resource, by its number in Kafka's protocol.
type Operation int8

// The operations.
const (
	Read            Operation = 3
	Write           Operation = 4
	Create          Operation = 5
	Delete          Operation = 6
	Alter           Operation = 7
	Describe        Operation = 8
	ClusterAction   Operation = 9
	DescribeConfigs Operation = 10
	AlterConfigs    Operation = 11
	IdempotentWrite Operation = 12
)

var operationNames = map[Operation]string{
	Read: "Read", Write: "Write", Create: "Create", Delete: "Delete", Alter: "Alter", Describe: "Describe", ClusterAction: "ClusterAction",
	DescribeConfigs: "DescribeConfigs", AlterConfigs: "AlterConfigs", IdempotentWrite: "IdempotentWrite",
}

// String returns Kafka's name.
func (o Operation) String() string { return operationNames[o] }

// Kind is a kind of resources, by its number in Kafka's protocol.
type Kind int8

// The kinds of resources.
const (
	Topic           Kind = 2
	Group           Kind = 3
	Cluster         Kind = 4
	TransactionalID Kind = 5
)

var kindNames = map[Kind]string{Topic: "Topic", Group: "Group", Cluster: "Cluster", TransactionalID: "TransactionalId"}

// String returns Kafka's name.
func (k Kind) String() string { return kindNames[k] }

// operations are those that a kind of resource knows, in order, as in Kafka's
// AclEntry.supportedOperations.
var operations = map[Kind][]Operation{
	Topic:           {Read, Write, Create, Delete, Alter, Describe, DescribeConfigs, AlterConfigs},
	Group:           {Read, Delete, Describe, DescribeConfigs, AlterConfigs},
	Cluster:         {Create, Alter, Describe, ClusterAction, DescribeConfigs, AlterConfigs, IdempotentWrite},
	TransactionalID: {Write, Describe},
}

// Resource is what an operation is done to.
type Resource struct {
	Kind Kind
	Name string
}

// TheCluster is the one resource of its kind.
var TheCluster = Resource{Cluster, "kafka-cluster"}

// Principal is who somebody is.
type Principal struct{ Type, Name string }

// Anonymous is everybody who has not said who they are.
var Anonymous = Principal{Type: "User", Name: "ANONYMOUS"}

// String returns the principal as ACLs name it.
func (p Principal) String() string { return p.Type + ":" + p.Name }

// Client is who asks, and from where.
type Client struct {
	Principal Principal
	Host      netip.Addr
}

// Authorizer decides. Its methods are called for every request, on any goroutine, and do not
// wait.
type Authorizer interface {
	// Allows reports whether a client may do an operation to a resource.
	Allows(c Client, o Operation, r Resource) bool
	// AllowsAny reports whether there may be a resource of a kind that a client may do an operation
	// to.
	AllowsAny(c Client, o Operation, k Kind) bool
}

// Open lets everybody do everything, as a Kafka broker without an authorizer.
type Open struct{}

// Allows implements Authorizer.
func (Open) Allows(Client, Operation, Resource) bool { return true }

// AllowsAny implements Authorizer.
func (Open) AllowsAny(Client, Operation, Kind) bool { return true }

// Operations returns what a client may do to a resource, as clients are told when they ask for it
// (KIP-430): bit n stands for the operation n.
func Operations(a Authorizer, c Client, r Resource) (bits int32) {
	for _, o := range operations[r.Kind] {
		if a.Allows(c, o, r) {
			bits |= 1 << o
		}
	}
	return bits
}
