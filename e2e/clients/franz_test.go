//go:build clients

package clients

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// franz is franz-go at the version of Troupe's own go.mod, with its defaults: the tests of e2e tune
// it.
func franz(t *testing.T, c *cluster.Cluster) {
	bin := filepath.Join(t.TempDir(), "franz")
	run(t, exec.Command("go", "build", "-o", bin, "./franz"), "")
	cl := program(c, func(args ...string) *exec.Cmd { return exec.Command(bin, args...) })
	cl.codecs = allCodecs
	keepsContract(t, c, cl)
}
