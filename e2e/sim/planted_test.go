package sim

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/e2e/sim/planted"
)

// TestPlantedBugsAreFound shows that the simulator has teeth: each planted bug is found within its number of seeds, and the same build
// without a bug turned on finds nothing in all of them.
func TestPlantedBugsAreFound(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := planted.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	for _, bug := range planted.Bugs {
		most = max(most, bug.Seeds)
		t.Run(bug.Name, func(t *testing.T) {
			seed, found := hunt(t, binary, bug.Name, bug.Seeds)
			if found == "" {
				t.Fatalf("not found within %d seeds: %s", bug.Seeds, bug.Why)
			}
			t.Logf("seed %d: %s", seed, found)
		})
	}
	if seed, found := hunt(t, binary, "", most); found != "" {
		t.Errorf("without a bug turned on, seed %d fails: %s", seed, found)
	}
}

// hunt runs seeds with a bug turned on until one fails.
func hunt(t *testing.T, binary, bug string, seeds int) (seed int, found string) {
	t.Helper()
	c := exec.Command(binary, "sim", "--worker", "--seed", "0", "--for", "2m")
	c.Env = append(os.Environ(), planted.Variable+"="+bug)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.Process.Kill()
		c.Wait()
	}()
	lines := bufio.NewScanner(out)
	for ; seed < seeds && lines.Scan(); seed++ {
		var r Result
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		if len(r.Violations) > 0 {
			return seed, r.Violations[0]
		}
	}
	if seed < seeds {
		t.Fatalf("the worker ended after %d seeds", seed)
	}
	return seed, ""
}
