package api

import (
	"regexp"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// transactionStates are those that Kafka's coordinator tells clients of.
var transactionStates = []string{"Empty", "Ongoing", "PrepareCommit", "PrepareAbort", "CompleteCommit", "CompleteAbort", "PrepareEpochFence"}

// Version notes
//
//	1  transactions that have lasted for some time (KIP-994)
//	2  ids by a pattern (KIP-1152)

// listTransactions lists the transactions that this node coordinates: there are none, for nobody
// can begin one.
func listTransactions(c *Call) {
	request := c.Body.(*kmsg.ListTransactionsRequest)
	r := request.ResponseKind().(*kmsg.ListTransactionsResponse)
	r.TransactionStates = []kmsg.ListTransactionsResponseTransactionState{}
	for _, state := range request.StateFilters {
		if !slices.Contains(transactionStates, state) && !slices.Contains(r.UnknownStateFilters, state) {
			r.UnknownStateFilters = append(r.UnknownStateFilters, state)
		}
	}
	if p := request.TransactionalIDPattern; p != nil {
		if _, err := regexp.Compile(*p); err != nil {
			r.ErrorCode, r.UnknownStateFilters = kerr.InvalidRegularExpression.Code, nil
		}
	}
	c.Answer(r)
}
