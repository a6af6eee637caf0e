package troupe

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	quoted = regexp.MustCompile("`((?:actors|raft|storage|protocol|cmd|e2e|docs|deploy)/[\\w./-]*\\w)`")
	linked = regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)
)

// What a document names is there: paths between backquotes from the top, links from the document.
func TestPathsInDocumentsExist(t *testing.T) {
	looked := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && (d.Name() == ".git" || d.Name() == ".task" || d.Name() == "node_modules") {
			if err == nil {
				err = filepath.SkipDir
			}
			return err
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, m := range quoted.FindAllStringSubmatch(line, -1) {
				looked++
				if !there(m[1]) {
					t.Errorf("%s:%d names %s, which is not there", path, i+1, m[1])
				}
			}
			for _, m := range linked.FindAllStringSubmatch(line, -1) {
				looked++
				if !there(filepath.Join(filepath.Dir(path), m[1])) {
					t.Errorf("%s:%d links to %s, which is not there", path, i+1, m[1])
				}
			}
		}
		return nil
	})
	if err != nil || looked < 100 {
		t.Fatalf("%v: %d paths were found", err, looked)
	}
}

var exported = regexp.MustCompile(`\.[A-Z]\w*$`)

// there reports whether a path is that of a file, a directory, a Go file without its ending, or
// something in a package.
func there(path string) bool {
	path = exported.ReplaceAllString(path, "")
	for _, p := range []string{path, path + ".go"} {
		if _, err := os.Stat(p); err == nil {
			return true
		}
	}
	return false
}
