//go:build clients

package clients

import (
	"os/exec"
	"strings"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// program is a client that is a program in testdata. All of them take the same arguments:
//
//	topics BROKERS
//	create BROKERS TOPIC
//	produce BROKERS TOPIC CODEC
//	consume BROKERS TOPIC GROUP
func program(c *cluster.Cluster, command func(args ...string) *exec.Cmd) client {
	brokers := strings.Join(c.Seeds(), ",")
	return client{
		topics:  func() *exec.Cmd { return command("topics", brokers) },
		create:  func(topic string) *exec.Cmd { return command("create", brokers, topic) },
		produce: func(topic, codec string) *exec.Cmd { return command("produce", brokers, topic, codec) },
		consume: func(topic, group string) *exec.Cmd { return command("consume", brokers, topic, group) },
	}
}
