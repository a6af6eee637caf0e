// Package protocol is Kafka's wire, without sockets: frames, headers and errors. Bodies are kmsg's,
// and which versions of them are spoken is said by actors/api.
//
// A request and its answer on a connection:
//
//	0       4     6         8             12                     12+2+n
//	+-------+-----+---------+-------------+----------------------+--------+------
//	| size  | key | version | correlation | client id            | tags   | body
//	| :4    | :2  | :2      | id:4        | length:2 bytes:n     | (v2)   |
//	+-------+-----+---------+-------------+----------------------+--------+------
//	  size counts what follows it; header v0 ends behind the correlation id, v1 behind the client id
//
//	0       4             8
//	+-------+-------------+--------+------
//	| size  | correlation | tags   | body
//	| :4    | id:4        | (v1)   |
//	+-------+-------------+--------+------
//
// All integers are big endian. The client id is never compact, so that the header of any version
// can be read. tags are there when the body's version is flexible (KIP-482), except in the answer
// to ApiVersions, which a client must read before it knows anything.
package protocol
