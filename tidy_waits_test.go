package troupe

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"testing"
)

// waits are the functions by which a node waits; see actors.Runtime.
var waits = []string{"Wait", "Together", "AwaitAll", "Every", "Enter"}

// TestNoLockIsHeldAcrossAWait: in the simulator one goroutine of a node runs at a time, so who
// waits with a lock held stops the world; in a process, whoever wants the lock waits as long. It
// follows calls within a package by the name of what is called, so it sees more ways than there
// are, and does not follow those to other packages.
func TestNoLockIsHeldAcrossAWait(t *testing.T) {
	packages := make(map[string][]source)
	for _, s := range sources(t) {
		if s.in(waiting) && !s.test {
			packages[s.dir] = append(packages[s.dir], s)
		}
	}
	for _, files := range packages {
		waiters := waitersOf(files)
		for _, s := range files {
			ast.Inspect(s.file, func(n ast.Node) bool {
				for at, name := range waitsUnderLock(statements(n), waiters) {
					t.Errorf("%s: %s waits, or calls what waits, while a lock is held: see actors.Turn", s.set.Position(at), name)
				}
				return true
			})
		}
	}
}

// waitersOf returns the names of the functions of a package that wait, themselves or by what they
// call.
func waitersOf(files []source) map[string]bool {
	waiters := make(map[string]bool)
	for again := true; again; {
		again = false
		for _, s := range files {
			for _, d := range s.file.Decls {
				f, ok := d.(*ast.FuncDecl)
				if !ok || f.Body == nil || waiters[f.Name.Name] {
					continue
				}
				for range waitsIn(f.Body, waiters) {
					waiters[f.Name.Name], again = true, true
					break
				}
			}
		}
	}
	return waiters
}

// waitsIn returns the calls below a node that wait, with what they call. What is in a function that
// is made there runs at another time.
func waitsIn(n ast.Node, waiters map[string]bool) map[token.Pos]string {
	found := make(map[token.Pos]string)
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			name := calledName(n)
			if slices.Contains(waits, name) && len(n.Args) > 0 || waiters[name] {
				found[n.Pos()] = name
			}
		}
		return true
	})
	return found
}

// statements returns the list of statements that a node has, nil if it has none.
func statements(n ast.Node) []ast.Stmt {
	switch n := n.(type) {
	case *ast.BlockStmt:
		return n.List
	case *ast.CaseClause:
		return n.Body
	case *ast.CommClause:
		return n.Body
	}
	return nil
}

// waitsUnderLock returns the calls that wait between a Lock and its Unlock in a list of statements,
// or its end if there is none or it is deferred.
func waitsUnderLock(list []ast.Stmt, waiters map[string]bool) map[token.Pos]string {
	found := make(map[token.Pos]string)
	held := "" // what is locked
	for _, s := range list {
		of, call := lockCall(s)
		switch {
		case held == "" && (call == "Lock" || call == "RLock"):
			held = of
		case of == held && (call == "Unlock" || call == "RUnlock"):
			held = ""
		case held != "":
			for at, name := range waitsIn(s, waiters) {
				found[at] = name
			}
		}
	}
	return found
}

// lockCall returns what a statement calls, and of what, if it calls a method without arguments.
func lockCall(s ast.Stmt) (of, method string) {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return "", ""
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok || len(call.Args) > 0 {
		return "", ""
	}
	m, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return "", ""
	}
	return types.ExprString(m.X), m.Sel.Name
}

// The check finds what it is for.
func TestWaitsUnderALockAreFound(t *testing.T) {
	file := parsed(t, `package p
func (s *s) look() { s.r.Wait(1) }
func (s *s) bad() { s.mu.Lock(); defer s.mu.Unlock(); s.look() }
func (s *s) good() { s.mu.Lock(); s.n++; s.mu.Unlock(); s.look() }
func (s *s) later() { s.mu.Lock(); defer s.mu.Unlock(); s.do(func() { s.look() }) }
`)
	waiters := waitersOf([]source{{file: file}})
	for _, d := range file.Decls {
		f := d.(*ast.FuncDecl)
		if got, want := len(waitsUnderLock(f.Body.List, waiters)), f.Name.Name == "bad"; (got > 0) != want {
			t.Errorf("%s: %d waits under a lock are found", f.Name.Name, got)
		}
	}
}

func parsed(t *testing.T, text string) *ast.File {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "p.go", text, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
