package question

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/node/local"
	"github.com/troupe-mq/troupe/raft/metadata"
)

type sum struct{ A, B int }

var (
	add   = Question[sum, int]{Name: "add"}
	greet = Question[Nothing, Nothing]{Name: "greet", Open: true}
	upper = Question[string, string]{Name: "upper", Request: text, Response: text}
	text  = Codec[string]{
		Encode: func(s string) ([]byte, error) { return []byte(s), nil },
		Decode: func(b []byte) (string, error) { return string(b), nil },
	}
)

// over are links to a node with a table.
type over struct {
	t    *Table
	sent []string
}

func (o *over) Ask(_ context.Context, _ metadata.NodeID, kind string, body []byte) (answer []byte, err error) {
	o.sent = append(o.sent, kind+" "+string(body))
	o.t.Answer(1, kind, body, func(b []byte, e error) { answer, err = b, e })
	return answer, err
}

func node() *local.Node {
	return local.New(local.Options{ID: 2, Runtime: actors.Goroutines{}, Log: slog.New(slog.DiscardHandler)})
}

func TestQuestionsAreAnswered(t *testing.T) {
	links := &over{t: NewTable(node())}
	add.Answered(links.t, func(_ metadata.NodeID, s sum) (int, error) { return s.A + s.B, nil })
	greet.Answered(links.t, func(metadata.NodeID, Nothing) (none Nothing, err error) { return none, errors.New("no time") })
	upper.AnsweredLater(links.t, func(_ metadata.NodeID, s string, reply func(string, error)) { reply(strings.ToUpper(s), nil) })
	if got, err := add.Ask(t.Context(), links, 2, sum{1, 2}); got != 3 || err != nil {
		t.Errorf("1+2 = %d, %v", got, err)
	}
	if got, err := upper.Ask(t.Context(), links, 2, "a"); got != "A" || err != nil {
		t.Errorf("upper(a) = %s, %v", got, err)
	}
	if _, err := greet.Ask(t.Context(), links, 2, Nothing{}); err == nil || err.Error() != "no time" {
		t.Errorf("a refusal arrives as %v", err)
	}
	if want := `add {"A":1,"B":2}|upper a|greet `; strings.Join(links.sent, "|") != want {
		t.Errorf("sent %q, want %q", links.sent, want)
	}
	if links.t.Open("add") || !links.t.Open("greet") || links.t.Open("unknown") {
		t.Error("only what says so is open to those who were not verified")
	}
	for kind, body := range map[string]string{"add": "1", "unknown": ""} {
		if answer, err := links.Ask(t.Context(), 2, kind, []byte(body)); answer != nil || err == nil {
			t.Errorf("%s(%s): answered %q, %v", kind, body, answer, err)
		}
	}
}

// A field that a build does not know does not keep it from reading the others.
func TestUnknownFieldsAreNoError(t *testing.T) {
	links := &over{t: NewTable(node())}
	add.Answered(links.t, func(_ metadata.NodeID, s sum) (int, error) { return s.A + s.B, nil })
	if got, err := links.Ask(t.Context(), 2, "add", []byte(`{"A":1,"B":2,"C":{"D":3}}`)); string(got) != "3" || err != nil {
		t.Errorf("answered %s, %v", got, err)
	}
}

// What is answered on a goroutine of the node is answered, refused, when the node has stopped.
func TestWhatIsAnsweredAsideIsAnsweredInAnyCase(t *testing.T) {
	here := node()
	table := NewTable(here)
	add.AnsweredAside(table, func(_ metadata.NodeID, s sum) (int, error) { return s.A + s.B, nil })
	ask := func() error {
		got := make(chan error, 1)
		table.Answer(1, "add", []byte(`{}`), func(_ []byte, err error) { got <- err })
		return <-got
	}
	if err := ask(); err != nil {
		t.Error(err)
	}
	here.Stop()
	here.End()
	if err := ask(); !errors.Is(err, local.ErrStopping) {
		t.Errorf("a node that has stopped answers %v", err)
	}
}
