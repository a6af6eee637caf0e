package replica

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/protocol/batch"
	"github.com/troupe-mq/troupe/raft/partition"
)

// questions are all messages that ask a replica of a partition, each with what counts its answer.
var questions = map[string]func(answered func()) any{
	"Records": func(answered func()) any {
		return &Records{Batches: batch.Build([]batch.Record{{Value: []byte("x")}}), Epoch: -1, Done: func(Appended) { answered() }}
	},
	"Trim":    func(answered func()) any { return &Trim{Offset: -1, Done: func(int64, *protocol.Error) { answered() }} },
	"Tend":    func(answered func()) any { return &Tend{Done: func(Tended) { answered() }} },
	"Keep":    func(answered func()) any { return &Keep{Epoch: -2, Done: func(*protocol.Error) { answered() }} },
	"Confirm": func(answered func()) any { return &Confirm{Epoch: 1, Done: func(*protocol.Error) { answered() }} },
	"Barrier": func(answered func()) any { return &Barrier{Epoch: 1, Done: func(*protocol.Error) { answered() }} },
	"Remembered": func(answered func()) any {
		return &Remembered{Done: func([]partition.ProducerState, *protocol.Error) { answered() }}
	},
	"Checkpoint": func(answered func()) any { return &Checkpoint{Done: answered} },
	"Observe":    func(answered func()) any { return &Observe{Done: func(Standing) { answered() }, Gone: answered} },
	"Command":    nil, // of __meta: see TestACommandToAStoppedReplica
}

// TestEveryQuestionIsKnown reads the source: what has a function Done is a question, and must be
// among those that the other tests ask.
func TestEveryQuestionIsKnown(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					_, function := field.Type.(*ast.FuncType)
					if _, known := questions[spec.Name.Name]; function && len(field.Names) > 0 && field.Names[0].Name == "Done" && !known {
						t.Errorf("%s asks a replica, and no test sees it answered: add it to questions", spec.Name.Name)
					}
				}
			}
			return true
		})
	}
}

// TestQuestionsToAReplicaThatStops asks a replica everything before, while and after it stops.
func TestQuestionsToAReplicaThatStops(t *testing.T) {
	system := actors.NewSystem(actors.Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer system.Shutdown()
	var mu sync.Mutex // of the next two
	var names []string
	var counts []*atomic.Int64
	for round := range 30 {
		n := newAlone(t)
		address, err := system.Spawn("replica", n.actor)
		if err != nil {
			t.Fatal(err)
		}
		ask := func() {
			mu.Lock()
			defer mu.Unlock()
			for name, question := range questions {
				if question != nil {
					count := new(atomic.Int64)
					names, counts = append(names, name), append(counts, count)
					address.Send(question(func() { count.Add(1) }))
				}
			}
		}
		n.ref.send = address.Send
		ask()
		done := make(chan struct{})
		var beside sync.WaitGroup
		if round%2 == 0 {
			beside.Go(ask)
		}
		address.Stop(func() { close(done) })
		ask()
		<-done
		beside.Wait()
		ask()
	}
	answered := func() string {
		for i, c := range counts {
			if n := c.Load(); n != 1 {
				return names[i]
			}
		}
		return ""
	}
	for deadline := time.Now().Add(time.Minute); answered() != ""; <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not answered exactly once: %s", answered())
		}
	}
}

// TestACommandToAStoppedReplica asks in the name of the metadata.
func TestACommandToAStoppedReplica(t *testing.T) {
	var got []CommandResult
	actors.Unanswered(&Command{Done: func(r CommandResult) { got = append(got, r) }})
	if len(got) != 1 || got[0].Failed == nil || got[0].Proposed {
		t.Fatalf("%+v", got)
	}
}
