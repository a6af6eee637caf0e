package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// kafkaVersion is the Apache Kafka compared with.
const kafkaVersion = "4.3.1"

// pom names Kafka, its tools and a binding for its log.
const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>troupe</groupId>
  <artifactId>bench</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>` + kafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>` + kafkaVersion + `</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.25.1</version></dependency>
    <dependency><groupId>org.apache.logging.log4j</groupId><artifactId>log4j-core</artifactId><version>2.25.1</version></dependency>
  </dependencies>
</project>
`

// kafkaJars returns the directory that holds Kafka, fetching it from Maven Central on first use.
func kafkaJars(ctx context.Context) (string, error) {
	root, err := cluster.Root()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(root, ".task", "bench", "kafka-"+kafkaVersion)
	// written last: a download that was interrupted is begun again
	mark := filepath.Join(dir, "complete")
	if was, err := os.ReadFile(mark); err == nil && string(was) == pom {
		return dir, nil
	}
	say("fetching Apache Kafka %s into %s", kafkaVersion, dir)
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	file := filepath.Join(dir, "pom.xml")
	if err := os.WriteFile(file, []byte(pom), 0o600); err != nil {
		return "", err
	}
	mvn := exec.CommandContext(ctx, "mvn", "-q", "-B", "-f", file, "dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+dir)
	if out, err := mvn.CombinedOutput(); err != nil {
		return "", fmt.Errorf("mvn (Debian: apt-get install maven openjdk-17-jdk-headless): %w\n%s", err, out)
	}
	return dir, os.WriteFile(mark, []byte(pom), 0o600)
}
