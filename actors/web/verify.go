package web

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/troupe-mq/troupe/storage"
)

// Line is one line of what /debug/storage answers: how far it is, or with End where the store
// stands, or with Error why it ended.
type Line struct {
	storage.Verified
	End   *End   `json:",omitempty"`
	Error string `json:",omitempty"`
}

// End is where a store stands.
type End struct {
	Reached uint64 // the last durable transaction
	Floor   uint64 // the one that had to be reached when the store was opened, 0 if that was not known
}

// EndOf tells where a store stands.
func EndOf(s storage.Store) End {
	return End{Reached: s.Reached(), Floor: storage.FloorOf(s)}
}

// tellEvery is how often Verify tells at least how far it is.
const tellEvery = time.Second

// Verify reads all that a store holds and answers what that proves, a Line at a time.
func Verify(ctx context.Context, w http.ResponseWriter, s storage.Store) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	told := time.Now()
	say := func(l Line) {
		_ = e.Encode(l) // the client went away, which ends ctx
		_ = flush.Flush()
		told = time.Now()
	}
	err := storage.Verify(ctx, s, func(v storage.Verified) {
		if v.Proof != nil || time.Since(told) > tellEvery {
			say(Line{Verified: v})
		}
	})
	if err != nil {
		say(Line{Error: err.Error()})
		return
	}
	at := EndOf(s)
	say(Line{End: &at})
}
