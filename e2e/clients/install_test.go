//go:build clients

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// tool finds a program of the system; how says how to get it.
func tool(t *testing.T, name, how string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("this test needs %s, which is not in the PATH. Install it: %s", name, how)
	}
	return path
}

// installed returns a directory that holds a client, and calls install to fill it if it does not
// yet. The recipe tells versions and everything else that decides what is installed: with another
// one, the client is installed anew.
func installed(t *testing.T, name, recipe string, install func(dir string)) string {
	t.Helper()
	root, err := cluster.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(root, ".task", "clients", name)
	// written last: an installation that was interrupted is begun again
	mark := filepath.Join(dir, "installed")
	if was, err := os.ReadFile(mark); err == nil && string(was) == recipe {
		return dir
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Logf("installing %s into %s", name, dir)
	install(dir)
	if err := os.WriteFile(mark, []byte(recipe), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// source is the path of a program beside the tests.
func source(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
