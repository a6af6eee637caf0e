// Package batch is a view over the bytes of Kafka record batches, magic 2.
//
//	0            8         12          16       17       21          23
//	+------------+---------+-----------+--------+--------+-----------+----------------+
//	| base       | length  | partition | magic  | crc32c | attributes| last offset    |
//	| offset:8   | :4      | epoch:4   | :1     | :4     | :2        | delta:4        |
//	+------------+---------+-----------+--------+--------+-----------+----------------+
//	27             35            43            51          53          57      61
//	+--------------+-------------+-------------+-----------+-----------+-------+---------+
//	| base         | max         | producer    | producer  | base      | count | records |
//	| timestamp:8  | timestamp:8 | id:8        | epoch:2   | sequence:4| :4    |         |
//	+--------------+-------------+-------------+-----------+-----------+-------+---------+
//
// length counts what follows it. The checksum covers what follows it, so base offset and partition
// epoch may be rewritten.
package batch
