package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func loadProperties(t *testing.T, text string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "server.properties")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{File: file, Catalog: kafkas})
}

// The file that Kafka ships for a combined KRaft node starts a Troupe node: same id, port and
// directory.
func TestAServerPropertiesCarriesOver(t *testing.T) {
	c, err := loadProperties(t, `# The role of this server.
process.roles=broker,controller
node.id=2
controller.quorum.voters=1@h1:9093,2@h2:9093,3@h3:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://h2:9092,CONTROLLER://h2:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
num.recovery.threads.per.data.dir=2
log.dirs=/var/lib/kafka/a, /var/lib/kafka/b
log.retention.ms=1
`)
	if err != nil {
		t.Fatal(err)
	}
	if c.NodeID != 2 || c.DataDir != "/var/lib/kafka/a" || c.Kafka["log.retention.ms"] != "1" {
		t.Errorf("%+v", c)
	}
	if len(c.Listeners) != 1 || c.Listeners[0].AdvertisedHost != "h2" || c.Listeners[0].AdvertisedPort != 9092 {
		t.Errorf("listeners %+v", c.Listeners)
	}
	if len(c.Peers) != 3 || c.Peers[3].Control != "h3:9093" || c.ControlListen != ":9093" {
		t.Errorf("peers %+v, control %s", c.Peers, c.ControlListen)
	}
	all := strings.Join(c.Warnings, "\n")
	for _, want := range []string{"/var/lib/kafka/b", "num.recovery.threads.per.data.dir", "controller.quorum.voters"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s among the warnings:\n%s", want, all)
		}
	}
	if strings.Contains(all, "process.roles") {
		t.Errorf("a role that every node has is warned of:\n%s", all)
	}
}

// One controller that is the node itself is a cluster of one; a wrong value is an error like in any
// other file.
func TestOneNodesServerProperties(t *testing.T) {
	c, err := loadProperties(t, "node.id=1\ncontroller.quorum.voters=1@localhost:9093\nlog.dir=/d\n")
	if err != nil || !c.alone() || c.DataDir != "/d" {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := loadProperties(t, "node.id=x\nlog.retention.ms=7\n"); err == nil || !strings.Contains(err.Error(), "node.id") ||
		!strings.Contains(err.Error(), "log.retention.ms") {
		t.Errorf("wrong values: %v", err)
	}
}

// A listener that is protected under Kafka is not served without protection.
func TestAProtectedListenerIsNotServedInTheClear(t *testing.T) {
	text := "node.id=1\nlisteners=EXTERNAL://:9092\nlistener.security.protocol.map=EXTERNAL:SASL_SSL,OTHER:SSL\n"
	_, err := loadProperties(t, text)
	if err == nil || !strings.Contains(err.Error(), "EXTERNAL:SASL_SSL") || strings.Contains(err.Error(), "OTHER") {
		t.Errorf("got %v", err)
	}
}
