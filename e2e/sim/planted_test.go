package sim

import (
	"bufio"
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/troupe-mq/troupe/e2e/sim/planted"
)

// TestPlantedBugsAreFound shows that the simulator has teeth: each planted bug is found within its
// number of seeds, and the same build without a bug turned on finds nothing in all of them.
func TestPlantedBugsAreFound(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	binary, err := planted.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	most := map[string]int{} // seeds, by the kind of world
	for _, bug := range planted.Bugs {
		world := cmp.Or(bug.World, "plain")
		most[world] = max(most[world], bug.Seeds)
		t.Run(bug.Name, func(t *testing.T) {
			seed, found := hunt(t, binary, world, bug.Name, bug.Seeds)
			if found == "" {
				t.Fatalf("not found within %d seeds: %s", bug.Seeds, bug.Why)
			}
			t.Logf("seed %d: %s", seed, found)
		})
	}
	for _, world := range slices.Sorted(maps.Keys(most)) {
		if seed, found := hunt(t, binary, world, "", most[world]); found != "" {
			t.Errorf("without a bug turned on, seed %d of world %s fails: %s", seed, world, found)
		}
	}
}

// hunt runs seeds of a kind of world with a bug turned on until one fails.
func hunt(t *testing.T, binary, world, bug string, seeds int) (seed int, found string) {
	t.Helper()
	c := exec.Command(binary, "sim", "--worker", "--world", world, "--seed", "0", "--for", "2m")
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
