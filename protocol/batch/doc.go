// Package batch is a view over the bytes of Kafka record batches, magic 2.
package batch
