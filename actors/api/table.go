package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
)

// API is one row of the table of Kafka's APIs, from which requests are dispatched, ApiVersions
// answers, docs/compatibility.md has its table and tests are made. What is not in the table is
// neither advertised nor answered.
type API struct {
	Key kmsg.Key
	// Min and Max are the versions that are spoken: from the smallest that Kafka 4 accepts up to the
	// newest stable one.
	Min, Max int16
	// Needs are what a client must be allowed: every one of them, of each resource it names. Without
	// them it is answered with the error that Kafka has for the kind of resource.
	Needs []Need
	// Also is what a client must be allowed for a part: to have topics created that it asks about, to
	// be told settings or rights.
	Also []Need
	// Waits reports that requests wait for something to happen, by design and as long as they say.
	Waits bool

	// bind returns what handles requests in a table. It runs on the connection's reader goroutine and
	// must return soon (see server.Handler).
	bind func(*Table) func(*Call)
}

// Need is a right, or one of several that do.
type Need []Right

// Right is an operation on a kind of resources.
type Right struct {
	Operation access.Operation
	Kind      access.Kind
}

// String names the right as Kafka's documentation does.
func (r Right) String() string { return r.Operation.String() + " " + r.Kind.String() }

// Advertised is the smallest version that ApiVersions tells: below Min only for Produce, because
// librdkafka switches compression off for brokers that do not claim Produce v0 (KAFKA-18659).
func (a *API) Advertised() int16 {
	if a.Key == kmsg.Produce {
		return 0
	}
	return a.Min
}

// APIs returns the table, in order of the keys. Not to be changed.
func APIs() []API { return apis }

// Versions returns the row of an API, nil if Troupe does not have it.
func Versions(key kmsg.Key) *API {
	for i := range apis {
		if apis[i].Key == key {
			return &apis[i]
		}
	}
	return nil
}

// needs makes Needs of rights each of which a client must have.
func needs(all ...Right) (list []Need) {
	for _, r := range all {
		list = append(list, Need{r})
	}
	return list
}

// plain binds a handler that needs nothing of the table.
func plain(h func(*Call)) func(*Table) func(*Call) {
	return func(*Table) func(*Call) { return h }
}
