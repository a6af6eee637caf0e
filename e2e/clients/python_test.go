//go:build clients

package clients

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// What a user of kafka-python installs to have every codec, and 2.0.2 on a Python of today.
var kafkaPythonExtras = []string{"python-snappy==0.7.3", "lz4==4.4.5", "zstandard==0.25.0", "six==1.17.0"}

const kafkaPythonNewest = "kafka-python==3.0.12"

// python installs packages in a virtual environment, and returns the client that is a program of
// testdata.
func python(t *testing.T, c *cluster.Cluster, name, script, interpreter string, packages ...string) client {
	t.Helper()
	dir := installed(t, name, interpreter+" "+strings.Join(packages, " "), func(dir string) {
		run(t, exec.Command(interpreter, "-m", "venv", dir), "")
		run(t, exec.Command(filepath.Join(dir, "bin", "pip"), append([]string{"install", "--quiet"}, packages...)...), "")
	})
	bin := filepath.Join(dir, "bin", "python")
	cl := program(c, func(args ...string) *exec.Cmd {
		return exec.Command(bin, append([]string{source(t, script)}, args...)...)
	})
	cl.codecs = allCodecs
	return cl
}

// python3 is the system's Python.
func python3(t *testing.T) string {
	t.Helper()
	return tool(t, "python3", "Python 3.9 or later with venv (Debian: apt-get install python3-venv)")
}

// kafkaPython is the newest kafka-python.
func kafkaPython(t *testing.T, c *cluster.Cluster) {
	packages := append([]string{kafkaPythonNewest}, kafkaPythonExtras...)
	keepsContract(t, c, python(t, c, "kafka-python", "kafka_python.py", python3(t), packages...))
}

// kafkaPython202 is the version of 2020 that many still have installed.
func kafkaPython202(t *testing.T, c *cluster.Cluster) {
	packages := append([]string{"kafka-python==2.0.2"}, kafkaPythonExtras...)
	keepsContract(t, c, python(t, c, "kafka-python-2.0.2", "kafka_python.py", python3(t), packages...))
}

// confluentKafka is confluent-kafka-python with the librdkafka of its wheel.
func confluentKafka(t *testing.T, c *cluster.Cluster) {
	keepsContract(t, c, python(t, c, "confluent-kafka-python", "confluent_kafka_python.py", python3(t), "confluent-kafka==2.16.1"))
}
