// Package consumer is the group coordinator's pure core: consumer groups of the classic protocol and their committed offsets, for one
// partition of __consumer_offsets.
//
// A command changes only what Kafka keeps in memory anyway (who waits, who was heard of) and says which records are to be appended; what
// is durable changes when those records are replayed by Load after they are committed. Time comes in with every call, in ms.
package consumer
