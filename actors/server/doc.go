// Package server holds the client connections: one reader and one writer goroutine each, a FIFO of
// pending answers between them, and a bound on the bytes in flight.
package server
