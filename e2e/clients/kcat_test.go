//go:build clients

package clients

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// kcat has no installer but the system's: it is used as it is found.
func kcat(t *testing.T, c *cluster.Cluster) {
	bin := tool(t, "kcat", "apt-get install kcat")
	brokers := strings.Join(c.Seeds(), ",")
	keepsContract(t, c, client{
		codecs: allCodecs,
		topics: func() *exec.Cmd {
			return exec.Command("sh", "-c", `"$0" -b "$1" -L | sed -n 's/^ *topic "\(.*\)" with.*/\1/p'`, bin, brokers)
		},
		produce: func(topic, codec string) *exec.Cmd {
			return exec.Command(bin, "-b", brokers, "-P", "-t", topic, "-K", "\t", "-z", codec, "-X", "acks=all", "-X", "enable.idempotence=true")
		},
		consume: func(topic, group string) *exec.Cmd {
			return exec.Command(bin, "-b", brokers, "-G", group, "-q", "-u", "-X", "auto.offset.reset=earliest", "-f", `%p\t%o\t%k\t%s\n`, topic)
		},
	})
}
