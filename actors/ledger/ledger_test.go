package ledger

import (
	"sync"
	"testing"
)

func TestWhatIsTakenAndGivenBackIsZero(t *testing.T) {
	l := &Ledger{}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range int64(1000) {
				l.Take(RequestBytes, i)
				l.Take(Requests, 1)
				l.Give(RequestBytes, i)
				l.Give(Requests, 1)
			}
		})
	}
	all.Wait()
	if open := l.Read().Open(); open != "" {
		t.Errorf("left: %s", open)
	}
	l.Take(Sessions, 2)
	l.Give(Waits, 1)
	if open := l.Read().Open(); open != "sessions=2 waits=-1" {
		t.Errorf("two sessions are open and one wait was given back twice: %s", open)
	}
}

func TestEveryAccountHasAName(t *testing.T) {
	seen := make(map[string]bool)
	for a := range accounts {
		if a.String() == "" || seen[a.String()] {
			t.Errorf("account %d is called %q", a, a)
		}
		seen[a.String()] = true
	}
}

func TestNoLedgerCountsNothing(t *testing.T) {
	var l *Ledger
	l.Take(Requests, 1)
	if len(l.Read()) != 0 {
		t.Error("a ledger that is not there has counted")
	}
}
