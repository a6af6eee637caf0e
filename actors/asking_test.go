package actors

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// question is answered by a turn, or told that it is not.
type question struct{ answers *atomic.Int64 }

func (q *question) Unanswered() { q.answers.Add(1) }

type answerer struct{}

func (answerer) Turn(messages []any) {
	for _, m := range messages {
		m.(*question).answers.Add(1)
	}
}

func (answerer) Stopped() {}

// TestEveryQuestionIsAnsweredOnce stops actors while others ask them, and asks on when they have
// stopped.
func TestEveryQuestionIsAnsweredOnce(t *testing.T) {
	s := NewSystem(Options{Fatal: func(_ string, cause any, _ []byte) { t.Error(cause) }})
	defer s.Shutdown()
	for range 200 {
		a, err := s.Spawn("answerer", answerer{})
		if err != nil {
			t.Fatal(err)
		}
		const senders, each = 4, 50
		counts := make([]atomic.Int64, senders*each)
		var all sync.WaitGroup
		for sender := range senders {
			all.Go(func() {
				for n := range each {
					a.Send(&question{&counts[sender*each+n]})
				}
			})
		}
		stop(a)
		all.Wait()
		late := new(atomic.Int64)
		a.Send(&question{late})
		within(t, "an answer to every question", func() bool {
			for i := range counts {
				if counts[i].Load() == 0 {
					return false
				}
			}
			return late.Load() == 1
		})
		for i := range counts {
			if n := counts[i].Load(); n != 1 {
				t.Fatalf("question %d was answered %d times", i, n)
			}
		}
	}
}

// TestEveryMessageThatAsksIsAsking reads the source of all actors: what a turn takes apart and has
// a function or a channel in it asks for an answer, and must be Asking.
func TestEveryMessageThatAsksIsAsking(t *testing.T) {
	found := 0
	for dir, files := range packages(t) {
		taken, asks, asking := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for _, f := range files {
			for _, d := range f.Decls {
				if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv != nil {
					if fn.Name.Name == "Unanswered" {
						asking[nameOf(fn.Recv.List[0].Type)] = true
					}
					cases(fn, taken)
				}
			}
			ast.Inspect(f, func(n ast.Node) bool {
				if spec, ok := n.(*ast.TypeSpec); ok && wantsAnswer(spec.Type) {
					asks[spec.Name.Name] = true
				}
				return true
			})
		}
		for name := range taken {
			if !asks[name] {
				continue
			}
			found++
			if !asking[name] {
				t.Errorf("%s: the message %s asks for an answer and has no method Unanswered: sent to an actor that has stopped, it leaves its sender waiting for ever", dir, name)
			}
		}
	}
	if found < 5 {
		t.Errorf("only %d messages that ask were found: does this test still find them?", found)
	}
}

// within polls until something is so.
func within(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); <-time.After(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// packages are the parsed files of those below this one that have an actor.
func packages(t *testing.T) map[string][]*ast.File {
	t.Helper()
	all := map[string][]*ast.File{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || filepath.Dir(path) == "." {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		all[filepath.Dir(path)] = append(all[filepath.Dir(path)], f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for dir, files := range all {
		turns := false
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				turns = turns || ok && fn.Recv != nil && fn.Name.Name == "Turn"
			}
		}
		if !turns {
			delete(all, dir)
		}
	}
	return all
}

// cases notes the types that a method tells messages of unknown type apart by.
func cases(fn *ast.FuncDecl, taken map[string]bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.TypeSwitchStmt:
			for _, s := range n.Body.List {
				for _, e := range s.(*ast.CaseClause).List {
					taken[nameOf(e)] = true
				}
			}
		case *ast.TypeAssertExpr:
			taken[nameOf(n.Type)] = true
		}
		return true
	})
}

// nameOf is the name of a type of the package, or of what it points to; empty for others.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return nameOf(e.X)
	case *ast.IndexExpr: // of a generic type
		return nameOf(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// wantsAnswer reports whether a type is a struct with a function or a channel.
func wantsAnswer(e ast.Expr) bool {
	s, ok := e.(*ast.StructType)
	if !ok {
		return false
	}
	for _, f := range s.Fields.List {
		switch kind := f.Type.(type) {
		case *ast.FuncType, *ast.ChanType:
			return true
		case *ast.Ident:
			if kind.Name == "Command" { // of coordinators, which is a function
				return true
			}
		}
	}
	return false
}
