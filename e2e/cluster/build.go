package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Binary builds the server once in a process and returns its path. E2E_BIN names one that is there
// already, E2E_RACE=1 builds with the race detector.
func Binary() (string, error) { return built() }

var built = sync.OnceValues(func() (string, error) { return build("troupe") })

// Tomorrow is Binary of an artificial next build, which has more to say of a node than this one.
func Tomorrow() (string, error) { return builtTomorrow() }

var builtTomorrow = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("E2E_BIN_TOMORROW"); path != "" {
		return filepath.Abs(path)
	}
	return build("troupe-tomorrow", "-tags", "troupe_next")
})

// Before is Binary of the build that .ci/before names, the one that landed last: it is made from
// the repository's history. E2E_BEFORE names one that is there already. ErrNoHistory where the
// history is not at hand.
func Before() (string, error) { return builtBefore() }

// ErrNoHistory tells that the commit of the build before is not in the repository.
var ErrNoHistory = errors.New("the commit that .ci/before names is not at hand: a shallow clone, or no repository")

var builtBefore = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("E2E_BEFORE"); path != "" {
		return filepath.Abs(path)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	commit, err := os.ReadFile(filepath.Join(root, ".ci", "before"))
	if err != nil {
		return "", err
	}
	source, err := os.MkdirTemp("", "troupe-before")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(source)
	for _, args := range [][]string{{"clone", "-q", "--shared", "--no-checkout", root, source}, {"-C", source, "checkout", "-q", strings.TrimSpace(string(commit))}} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("%w: git %s: %w\n%s", ErrNoHistory, args[0], err, out)
		}
	}
	return buildIn(source, filepath.Join(root, "bin", "e2e", "troupe-before"))
})

func build(name string, flags ...string) (string, error) {
	if path := os.Getenv("E2E_BIN"); path != "" && len(flags) == 0 {
		return filepath.Abs(path)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	if os.Getenv("E2E_RACE") == "1" {
		name, flags = name+"-race", append(flags, "-race")
	}
	return buildIn(root, filepath.Join(root, "bin", "e2e", name), flags...)
}

// buildIn builds the server of a source tree.
func buildIn(root, path string, flags ...string) (string, error) {
	// Test processes build at the same time, and a running binary cannot be written: each builds its
	// own and moves it.
	mine := fmt.Sprintf("%s.%d", path, os.Getpid())
	c := exec.Command("go", slices.Concat([]string{"build"}, flags, []string{"-o", mine, "./cmd/troupe"})...)
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build ./cmd/troupe: %w\n%s", err, out)
	}
	return path, os.Rename(mine, path)
}

// Root is the directory of the module.
func Root() (string, error) {
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
