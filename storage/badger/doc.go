// Package badger is storage.Store on one Badger for the whole node.
//
// One Write is one transaction and one sync. Values of a KiB and more lie in Badger's value log, so
// record bytes are written once; the rest lies in its tree. Badger drops what it cannot read
// without a word, so every value carries a length and a checksum of ours, and every log is checked
// for holes when the store is opened. docs/adr/0003 has the reasons and the figures.
//
// Keys (integers big-endian):
//
//	'F'                                      → the format, 4 bytes; written with the node record
//	'N'                                      → the node record, JSON
//	'H' replica:8                            → record of a replica
//	'C' replica:8 chunk:4                    → checkpoint, in chunks of 4 MiB
//	'L' replica:8 generation:4 index:8       → entry
//	'X' replica:8                            → tombstone of a removed replica, no body
//	'Q'                                      → suspect replicas: history was lost; 8 bytes each
//	'V'                                      → 1 byte, set by every transaction: shows its number
//	'P' n:2                                  → padding, overwritten to make Badger flush its memtable
//
// Every value but that byte and the padding:
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
//
// The body of a record: eighteen integers of 8 bytes.
//
//	shard, replica, generation, term, vote, commit, start index, start term, last index, last term,
//	checkpoint index, checkpoint term, checkpoint chunks,
//	start and last of the next generation (index and term of each), 1 if it is distrusted
//
// The body of a checkpoint, all chunks put together:
//
//	0          8          16             20
//	+----------+----------+--------------+--------------------+-----------+
//	| index:8  | term:8   | conf bytes:4 | ConfState, JSON    | machine   |
//	+----------+----------+--------------+--------------------+-----------+
//
// Beside Badger's files lies FLOOR, which tells how far the store must reach: see floor.go.
//
// Key versions are the numbers of the transactions. An entry is never newer than the record that
// counts it; one that is shows that the record was lost.
package badger
