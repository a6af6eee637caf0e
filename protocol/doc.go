// Package protocol is Kafka's wire, without sockets: frames, headers, the table of APIs and versions that Troupe speaks, and
// errors. Bodies are kmsg's.
package protocol
