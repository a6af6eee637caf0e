package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

func build(name string, flags ...string) (string, error) {
	if path := os.Getenv("E2E_BIN"); path != "" && len(flags) == 0 {
		return filepath.Abs(path)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	args := append([]string{"build"}, flags...)
	if os.Getenv("E2E_RACE") == "1" {
		name, args = name+"-race", append(args, "-race")
	}
	// Test processes build at the same time, and a running binary cannot be written: each builds its
	// own and moves it.
	path := filepath.Join(root, "bin", "e2e", name)
	mine := fmt.Sprintf("%s.%d", path, os.Getpid())
	c := exec.Command("go", append(args, "-o", mine, "./cmd/troupe")...)
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
