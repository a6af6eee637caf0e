// Package badger is storage.Store on one Badger for the whole node.
//
// One Write is one transaction and one sync. Values of a KiB and more lie in Badger's value log, so record bytes are written
// once; the rest lies in its tree. Badger drops what it cannot read without a word, so every value carries a length
// and a checksum of ours, and every log is checked for holes when the store is opened.
//
// Keys (integers big-endian):
//
//	'N'                                      → the node record, JSON
//	'H' replica:8                            → storage.State, 80 bytes
//	'C' replica:8                            → checkpoint
//	'L' replica:8 generation:4 index:8       → entry
//	'X' replica:8                            → tombstone of a removed replica
//	'P' n:2                                  → padding that is overwritten to make Badger flush
//
// Every value:
//
//	0          4          8
//	+----------+----------+---------------------+
//	| length:4 | crc32c:4 | body, length bytes  |
//	+----------+----------+---------------------+
//
// The body of an entry:
//
//	0        1          9           17
//	+--------+----------+-----------+----------------------+
//	| type:1 | term:8   | index:8   | data                 |
//	+--------+----------+-----------+----------------------+
package badger
