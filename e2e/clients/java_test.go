//go:build clients

package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// jvm runs what Maven Central has of Kafka: the Java client, and the tools that the distribution's
// scripts start.
type jvm struct {
	t       *testing.T
	java    string
	jars    string
	brokers string
}

// newJVM installs the jars, at the version that testdata/java/pom.xml names.
func newJVM(t *testing.T, c *cluster.Cluster) jvm {
	t.Helper()
	const how = "a JDK of version 17 or later (Debian: apt-get install openjdk-17-jdk-headless)"
	java := tool(t, "java", how)
	pom, err := os.ReadFile(source(t, "java/pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := installed(t, "java", string(pom), func(dir string) {
		mvn := tool(t, "mvn", "apt-get install maven")
		run(t, exec.Command(mvn, "-q", "-B", "-f", source(t, "java/pom.xml"), "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+dir), "")
	})
	return jvm{t, java, filepath.Join(dir, "*"), strings.Join(c.Seeds(), ",")}
}

// main is a Java program; more is in front of the jars on its class path.
func (j jvm) main(more, class string, args ...string) *exec.Cmd {
	options := []string{"-XX:TieredStopAtLevel=1", "-Xmx256m", "-Dlog4j2.configurationFile=" + source(j.t, "java/log4j2.xml"), "-cp", j.jars}
	if more != "" {
		options[len(options)-1] = more + string(filepath.ListSeparator) + j.jars
	}
	return exec.Command(j.java, append(append(options, class), args...)...)
}

// java is the client that defines what a client is.
func java(t *testing.T, c *cluster.Cluster) {
	j := newJVM(t, c)
	classes := t.TempDir()
	javac := tool(t, "javac", "a JDK of version 17 or later (Debian: apt-get install openjdk-17-jdk-headless)")
	run(t, exec.Command(javac, "-cp", j.jars, "-d", classes, source(t, "java/Client.java")), "")
	cl := program(c, func(args ...string) *exec.Cmd { return j.main(classes, "Client", args...) })
	cl.codecs = allCodecs
	keepsContract(t, c, cl)
}
