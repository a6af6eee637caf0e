//go:build clients

package clients

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// goProgram builds a program of the module in the directory go, which has its own dependencies so
// that Troupe's do not grow.
func goProgram(t *testing.T, c *cluster.Cluster, name string) client {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	build := exec.Command("go", "build", "-o", bin, "./"+name)
	build.Dir = "go"
	run(t, build, "")
	cl := program(c, func(args ...string) *exec.Cmd { return exec.Command(bin, args...) })
	cl.codecs = allCodecs
	return cl
}

func sarama(t *testing.T, c *cluster.Cluster) { keepsContract(t, c, goProgram(t, c, "sarama")) }

func kafkaGo(t *testing.T, c *cluster.Cluster) { keepsContract(t, c, goProgram(t, c, "kafka-go")) }
