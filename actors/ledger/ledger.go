// Package ledger counts what is in flight on a node: each thing is noted where it is taken, and
// again where it is given back. What a node that nobody uses still has in flight was forgotten by
// somebody.
package ledger

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
)

// Account is a kind of thing in flight.
type Account int

// The accounts. All of them are at zero on a node without clients.
const (
	Requests     Account = iota // read, and not answered or still under way
	RequestBytes                // that those take, and those that arrive
	AnswerBytes                 // of memory for fetched records that clients have not taken
	Buffers                     // lent to connections for answers
	Fetches                     // under way, those that wait for records among them
	Sessions                    // fetch sessions
	SessionBytes                // that those hold
	Records                     // batches given to replicas without an outcome
	Waits                       // of requests for a moment or the end of their client

	accounts
)

var names = [accounts]string{"requests", "request_bytes", "answer_bytes", "buffers", "fetches", "sessions", "session_bytes", "records", "waits"}

// String is the account's name in metrics and logs.
func (a Account) String() string { return names[a] }

// Ledger counts what is in flight. The zero Ledger is empty; a nil one counts nothing. Safe for any
// number of goroutines.
type Ledger struct {
	taken [accounts]atomic.Int64
}

// Take notes n things, or fewer than before if n is negative.
func (l *Ledger) Take(a Account, n int64) {
	if l != nil && n != 0 {
		l.taken[a].Add(n)
	}
}

// Give notes that n things were given back.
func (l *Ledger) Give(a Account, n int64) { l.Take(a, -n) }

// Read returns what is in flight, by account.
func (l *Ledger) Read() Reading {
	r := Reading{}
	if l == nil {
		return r
	}
	for a := range accounts {
		r[a.String()] = l.taken[a].Load()
	}
	return r
}

// Reading is what is in flight, by the name of the account.
type Reading map[string]int64

// Open tells what is not at zero, in order of name; empty if all is. An account below zero was
// given back twice.
func (r Reading) Open() string {
	var open []string
	for name, n := range r {
		if n != 0 {
			open = append(open, fmt.Sprintf("%s=%d", name, n))
		}
	}
	slices.Sort(open)
	return strings.Join(open, " ")
}
