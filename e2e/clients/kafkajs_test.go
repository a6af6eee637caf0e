//go:build clients

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// kafkaJS is the client of Node.js, with codecs of pure JavaScript beside it.
func kafkaJS(t *testing.T, c *cluster.Cluster) {
	node := tool(t, "node", "Node.js 18 or later (Debian: apt-get install nodejs)")
	manifest, err := os.ReadFile(source(t, "kafkajs/package.json"))
	if err != nil {
		t.Fatal(err)
	}
	dir := installed(t, "kafkajs", string(manifest), func(dir string) {
		npm := tool(t, "npm", "apt-get install npm")
		if err := os.WriteFile(filepath.Join(dir, "package.json"), manifest, 0o644); err != nil {
			t.Fatal(err)
		}
		run(t, exec.Command(npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts"), "")
	})
	cl := program(c, func(args ...string) *exec.Cmd {
		cmd := exec.Command(node, append([]string{source(t, "kafkajs/client.js")}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_PATH="+filepath.Join(dir, "node_modules"))
		return cmd
	})
	cl.codecs = allCodecs
	keepsContract(t, c, cl)
}
