// Package api answers Kafka's requests: one file per API key. A handler authorizes, checks, asks a
// replica, the metadata or a coordinator, and answers.
package api
