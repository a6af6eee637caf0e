// Package troupe holds no code, only the test that keeps the house in order.
package troupe

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const module = "github.com/troupe-mq/troupe/"

// floors says what each floor may stand on. Arrows go down only, so that whoever reads a floor need
// not know those above, and so that the simulator can run the cores without the shells.
var floors = map[string][]string{
	// of e2e the simulator only, see bans
	"cmd":      {"cmd", "actors", "raft", "storage", "protocol", "e2e"},
	"actors":   {"actors", "raft", "storage", "protocol"},
	"raft":     {"raft", "storage", "protocol"},
	"storage":  {"storage"},
	"protocol": {"protocol"},
	"e2e":      {"e2e", "cmd", "actors", "raft", "storage", "protocol"},
}

// ban keeps an import to where it belongs.
type ban struct {
	what   string   // prefix of an import path
	except []string // directories where it may be
	tests  bool     // tests may
	why    string
}

var bans = []ban{
	{"github.com/asynkron/protoactor-go", []string{"actors", "cmd"}, false,
		"the actor library is a shell's business: a core that knows it cannot be stepped by the simulator"},
	{"go.opentelemetry.io/", []string{"actors/telemetry", "cmd", "e2e"}, false,
		"logic emits events; what they mean to OpenTelemetry is decided in one place"},
	{"github.com/dgraph-io/badger", []string{"storage/badger", "e2e"}, false,
		"the store's contract is storage.Store; who bypasses it bypasses its checks"},
	{"go.etcd.io/raft/v3", []string{"raft", "storage", "actors/remote", "actors/replica", "actors/node", "actors/journal", "cmd/troupe/storage", "e2e"}, false,
		"only raft.Replica steps etcd/raft; other packages carry its messages and entries at most"},
	{"github.com/spf13/cobra", []string{"cmd", "e2e"}, false,
		"flags are the command's"},
	{"github.com/troupe-mq/troupe/actors/web", []string{"actors/broker", "cmd"}, false,
		"a node is shown over HTTP, and knows nothing of it: it runs without, as in the simulator"},
	{"github.com/troupe-mq/troupe/actors/broker", []string{"actors/broker", "cmd", "e2e"}, false,
		"it assembles all the others, and none of them knows how"},
	{"github.com/troupe-mq/troupe/e2e/cluster", []string{"e2e"}, false, "the binary holds the simulator for its users, and no other test"},
	{"github.com/troupe-mq/troupe/e2e/load", []string{"e2e"}, false, "the binary holds the simulator for its users, and no other test"},
	{"testing", []string{"e2e", "storage/storagetest"}, true,
		"what the binary holds does not know tests"},
}

// pure are the floors without goroutines, locks, clocks and chance: what they decide is a function
// of state and one message, or the simulator could not repeat it.
var pure = []string{"raft", "protocol"}

var impure = map[string]string{
	"time.Now": "a clock", "time.Since": "a clock", "time.After": "a clock", "time.AfterFunc": "a clock", "time.NewTimer": "a clock",
	"time.NewTicker": "a clock", "time.Sleep": "a clock", "time.Tick": "a clock", "time.Until": "a clock",
	"sync.Mutex": "a lock", "sync.RWMutex": "a lock", "sync.Map": "a lock", "sync.Cond": "a lock", "sync.WaitGroup": "a goroutine to wait for",
	"os.Open": "a disk", "os.Create": "a disk", "os.ReadFile": "a disk", "os.WriteFile": "a disk", "net.Dial": "a network", "net.Listen": "a network",
}

var impureImports = map[string]string{"math/rand": "chance", "math/rand/v2": "chance", "crypto/rand": "chance", "os": "the machine", "net": "the network"}

// source is one Go file.
type source struct {
	path string // from the root, with slashes
	dir  string
	test bool
	file *ast.File
	set  *token.FileSet
}

func (s source) floor() string { return strings.Split(s.dir, "/")[0] }

// in reports whether the file lies in one of the directories.
func (s source) in(dirs []string) bool {
	return slices.ContainsFunc(dirs, func(d string) bool { return s.dir == d || strings.HasPrefix(s.dir, d+"/") })
}

// sources parses every Go file of the main module.
func sources(t *testing.T) (all []source) {
	t.Helper()
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		switch {
		case d.IsDir() && p != "." && (strings.HasPrefix(name, ".") || name == "testdata" || otherModule(p)):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		set := token.NewFileSet()
		f, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		p = filepath.ToSlash(p)
		all = append(all, source{p, path.Dir(p), strings.HasSuffix(name, "_test.go"), f, set})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 100 {
		t.Fatalf("only %d files were found: this test looks in the wrong place", len(all))
	}
	return all
}

func otherModule(dir string) bool {
	found, _ := filepath.Glob(filepath.Join(dir, "go.mod"))
	return len(found) > 0
}

func TestArrowsGoDownOnly(t *testing.T) {
	for _, s := range sources(t) {
		allowed, known := floors[s.floor()]
		if !known {
			if s.dir != "." {
				t.Errorf("%s: the top level is fixed: %s is none of its directories", s.path, s.floor())
			}
			continue
		}
		for _, i := range s.file.Imports {
			to, ours := strings.CutPrefix(strings.Trim(i.Path.Value, `"`), module)
			if ours && !slices.Contains(allowed, strings.Split(to, "/")[0]) {
				t.Errorf("%s imports %s: arrows go down only, cmd → actors → raft → {storage, protocol}", s.path, to)
			}
		}
	}
}

func TestBannedImports(t *testing.T) {
	for _, s := range sources(t) {
		for _, i := range s.file.Imports {
			for _, b := range bans {
				if matches(strings.Trim(i.Path.Value, `"`), b.what) && !s.in(b.except) && !(b.tests && s.test) && s.dir != "." {
					t.Errorf("%s imports %s, which is for %s only: %s", s.path, i.Path.Value, strings.Join(b.except, ", "), b.why)
				}
			}
		}
	}
}

func matches(imported, what string) bool {
	return imported == strings.TrimSuffix(what, "/") || strings.HasPrefix(imported, strings.TrimSuffix(what, "/")+"/")
}

func TestPureFloors(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !s.in(pure) {
			continue
		}
		for _, i := range s.file.Imports {
			if why := impureImports[strings.Trim(i.Path.Value, `"`)]; why != "" {
				t.Errorf("%s imports %s, %s: what %s decides is a function of its state and one message", s.path, i.Path.Value, why, s.floor())
			}
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine: %s has none, or the simulator cannot repeat it", s.set.Position(n.Pos()), s.floor())
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && impure[x.Name+"."+n.Sel.Name] != "" {
					t.Errorf("%s: %s.%s is %s: pass what it tells as an argument", s.set.Position(n.Pos()), x.Name, n.Sel.Name, impure[x.Name+"."+n.Sel.Name])
				}
			}
			return true
		})
	}
}

// waiting are the packages of a node that wait by actors.Runtime only: what else waits or looks at
// a clock cannot be run by the simulator.
var waiting = []string{"actors/node", "actors/api", "actors/coordinator"}

func TestNodesWaitByTheirRuntime(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || !s.in(waiting) {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s starts a goroutine: use Runtime.Go (in a node: Do of local.Node), so that the simulator can run it", s.set.Position(n.Pos()))
			case *ast.SelectStmt:
				if !polls(n) {
					t.Errorf("%s waits: use Runtime.Wait, so that the simulator can run it", s.set.Position(n.Pos()))
				}
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				if ok && (impure[x.Name+"."+n.Sel.Name] == "a clock" || x.Name == "context" && strings.HasPrefix(n.Sel.Name, "WithTimeout")) {
					t.Errorf("%s: %s.%s is the process's clock: use the Runtime's", s.set.Position(n.Pos()), x.Name, n.Sel.Name)
				}
			}
			return true
		})
	}
}

// polls reports whether a select never waits.
func polls(s *ast.SelectStmt) bool {
	return slices.ContainsFunc(s.Body.List, func(c ast.Stmt) bool { return c.(*ast.CommClause).Comm == nil })
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	described := map[string]bool{}
	for _, s := range sources(t) {
		if s.test && s.dir != "." {
			continue
		}
		described[s.dir] = described[s.dir] || s.file.Doc != nil
	}
	for dir, ok := range described {
		if !ok {
			t.Errorf("%s: no file has a package comment: say what it is and what its nouns are", dir)
		}
	}
}

func TestNobodySleeps(t *testing.T) {
	for _, s := range sources(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if e, ok := n.(*ast.SelectorExpr); ok && e.Sel.Name == "Sleep" {
				if x, ok := e.X.(*ast.Ident); ok && x.Name == "time" {
					t.Errorf("%s sleeps: poll for what it waits for, or wait on a channel", s.set.Position(n.Pos()))
				}
			}
			return true
		})
	}
}

// TestSmallRooms holds two sizes that are to shrink, never to grow.
func TestSmallRooms(t *testing.T) {
	const fileLines, functionLines = 420, 70
	for _, s := range sources(t) {
		if n := s.set.File(s.file.Pos()).LineCount(); n > fileLines && !s.test {
			t.Errorf("%s has %d lines, at most %d: one idea a file", s.path, n, fileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || s.test {
				continue
			}
			if n := s.set.Position(f.End()).Line - s.set.Position(f.Pos()).Line + 1; n > functionLines {
				t.Errorf("%s: %s has %d lines, at most %d", s.path, f.Name.Name, n, functionLines)
			}
		}
	}
}

// TestCommentsAreNarrow: prose is read in columns of at most a hundred, drawings and tables too.
func TestCommentsAreNarrow(t *testing.T) {
	const columns = 100
	for _, s := range sources(t) {
		for _, group := range s.file.Comments {
			for _, c := range group.List {
				at := s.set.Position(c.Pos())
				for i, line := range strings.Split(c.Text, "\n") {
					if n := at.Column - 1 + utf8.RuneCountInString(line); n > columns && !strings.HasPrefix(line, "//go:") {
						t.Errorf("%s:%d: a comment as far as column %d, at most %d", s.path, at.Line+i, n, columns)
					}
					at.Column = 1
				}
			}
		}
	}
}

// TestLogKeysAreWords: who filters log lines writes a key without quotes.
func TestLogKeysAreWords(t *testing.T) {
	// where keys begin
	levels := map[string]int{"Debug": 1, "Info": 1, "Warn": 1, "Error": 1, "With": 0}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			method, ok := call.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			from, ok := levels[method.Sel.Name]
			if x, is := method.X.(*ast.Ident); is && (x.Name == "http" || x.Name == "status") {
				return true // an answer, not a log line
			}
			for i := from; ok && i < len(call.Args); i += 2 {
				if key, ok := call.Args[i].(*ast.BasicLit); ok && strings.Contains(key.Value, " ") {
					t.Errorf("%s: a log key with a space: %s", s.set.Position(key.Pos()), key.Value)
				}
			}
			return true
		})
	}
}

// What a value may be besides has a name and a document: nobody finds out by searching for a
// method.
func TestCapabilitiesHaveNames(t *testing.T) {
	for _, s := range sources(t) {
		if s.test || s.floor() == "e2e" {
			continue
		}
		ast.Inspect(s.file, func(n ast.Node) bool {
			if a, ok := n.(*ast.TypeAssertExpr); ok {
				if i, ok := a.Type.(*ast.InterfaceType); ok && len(i.Methods.List) > 0 {
					t.Errorf("%s asserts an interface without a name", s.set.Position(a.Pos()))
				}
			}
			return true
		})
	}
}

func TestDecisionsHaveNumbersOfTheirOwn(t *testing.T) {
	of := map[string]string{}
	files, err := filepath.Glob("docs/adr/[0-9]*.md")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		number, _, _ := strings.Cut(filepath.Base(f), "-")
		if other := of[number]; other != "" {
			t.Errorf("%s and %s have the same number", f, other)
		}
		of[number] = f
		text, err := os.ReadFile(f)
		if want := "# " + strings.TrimLeft(number, "0") + ". "; err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s does not begin with %q: %v", f, want, err)
		}
	}
}

// terms are words that gave way to the field's own, and those. Whoever reads Troupe has read Kafka,
// etcd and Go before.
var terms = []struct{ old, instead string }{
	{"tells whether", "reports whether"},
	{"hearsay", "commit hint"},
	{"doubts", "leadership checks"},
	{"parcel", "payload of a snapshot"},
	{"grouping", "membership"},
}

func TestPlainTerms(t *testing.T) {
	for _, s := range sources(t) {
		if s.path == "tidy_test.go" {
			continue
		}
		text, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, w := range terms {
				if strings.Contains(strings.ToLower(line), w.old) {
					t.Errorf("%s:%d says %q: say %q", s.path, i+1, w.old, w.instead)
				}
			}
		}
	}
}

// Tests that the race detector cannot run are run once more without it, which the Taskfile has to
// say of each package.
func TestWhatTheRaceDetectorCannotRunIsRun(t *testing.T) {
	text, err := os.ReadFile("Taskfile.yml")
	if err != nil {
		t.Fatal(err)
	}
	again := ""
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "- go test -timeout 10m ./actors/api") {
			again = line
		}
	}
	for _, s := range sources(t) {
		if !s.test || s.floor() == "e2e" {
			continue
		}
		for _, c := range s.file.Comments {
			if c.Pos() < s.file.Package && strings.HasPrefix(c.List[0].Text, "//go:build !race") && !strings.Contains(again, "./"+s.dir) {
				t.Errorf("%s is not run by the race detector, and task unit does not run %s without it", s.path, s.dir)
			}
		}
	}
}

// unguarded are the files of actors/api that may look for topics whatever the client may do, and
// why.
var unguarded = map[string]string{
	"bounds.go":                  "counts all replicas",
	"create_partitions.go":       "goes on with a topic that was allowed",
	"delete_topics.go":           "who may delete from the cluster may delete any",
	"elect_leaders.go":           "is asked of the cluster as a whole",
	"find_coordinator.go":        "looks for the topic of the offsets",
	"list_config_resources.go":   "is asked of the cluster as a whole",
	"log_dirs.go":                "is asked of the cluster as a whole",
	"new_topic.go":               "waits for a topic that it has created",
	"offset_commit.go":           "names topics by their ids, and asks then",
	"offset_fetch.go":            "names topics by their ids, and asks then",
	"offset_for_leader_epoch.go": "who acts for the cluster may know any",
	"reassignments.go":           "is asked of the cluster as a whole",
}

// TestOneWayToTopicsAndGroups: requests reach topics and groups by actors/api/seam.go, which asks
// whether the client may.
func TestOneWayToTopicsAndGroups(t *testing.T) {
	ways := []string{"Topics", "ByID", "Shards", "Partition", "Shard"} // of an image
	finds := []string{"topicNamed", "partitionNamed", "allTopics", "eachTopic", "topicNames", "topicBy", "anyTopic"}
	for _, s := range sources(t) {
		name := path.Base(s.path)
		if s.test || s.dir != "actors/api" || name == "seam.go" {
			continue
		}
		images := imagesIn(s.file)
		ast.Inspect(s.file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if isImage(n.X, images) && slices.Contains(ways, n.Sel.Name) {
					t.Errorf("%s takes %s from an image: only seam.go does, which asks whether the client may", s.set.Position(n.Pos()), n.Sel.Name)
				}
				if n.Sel.Name == "groups" && name != "dispatch.go" {
					t.Errorf("%s reaches for groups: Call.Group asks whether the client may", s.set.Position(n.Pos()))
				}
			case *ast.CallExpr:
				if called := calledName(n); slices.Contains(finds, called) && unguarded[name] == "" {
					t.Errorf("%s calls %s, which does not ask whether the client may: use Call.Topic", s.set.Position(n.Pos()), called)
				}
			}
			return true
		})
	}
}

// imagesIn returns the names that stand for an image of the metadata somewhere in a file: by their
// type, or by what they are set to.
func imagesIn(f *ast.File) map[string]bool {
	names := make(map[string]bool)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			if star, ok := n.Type.(*ast.StarExpr); ok && selected(star.X) == "Image" {
				for _, name := range n.Names {
					names[name.Name] = true
				}
			}
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if left, ok := n.Lhs[min(i, len(n.Lhs)-1)].(*ast.Ident); ok && isImage(right, nil) {
					names[left.Name] = true
				}
			}
		}
		return true
	})
	return names
}

// isImage reports whether an expression is an image: a call of Image, or one of some names.
func isImage(e ast.Expr, names map[string]bool) bool {
	if call, ok := e.(*ast.CallExpr); ok {
		return calledName(call) == "Image"
	}
	return names[selected(e)]
}

// selected returns the last name of an expression: b of a.b, and of b.
func selected(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

func calledName(call *ast.CallExpr) string { return selected(call.Fun) }
