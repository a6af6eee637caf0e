package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Kafka's own programs, as bin/kafka-producer-perf-test.sh and its siblings start them. Each JVM
// starts anew in every run: what is counted is what the program itself says.

const javaRecords = 300_000

func javaProduce(ctx context.Context, b *bench) (*Sample, error) {
	topic := b.topic(b.Partitions)
	out, err := b.java(ctx, "org.apache.kafka.tools.ProducerPerformance", "--topic", topic, "--num-records", strconv.Itoa(javaRecords),
		"--record-size", strconv.Itoa(b.Record), "--throughput", "-1", "--producer-props", "bootstrap.servers="+b.seeds(), "acks=all",
		"batch.size="+strconv.Itoa(int(b.Batch)), "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner")
	if err != nil {
		return nil, err
	}
	n, err := numbers(out, `(?m)^(\d+) records sent, ([\d.]+) records/sec .*, ([\d.]+) ms max latency, (\d+) ms 50th, \d+ ms 95th, (\d+) ms 99th, (\d+) ms 99.9th\.\s*\z`)
	if err != nil {
		return nil, err
	}
	*b.flooded = flood{topic, int64(n[0])}
	return &Sample{
		Records: int64(n[0]), Bytes: int64(n[0]) * int64(b.Record), Seconds: n[0] / n[1],
		Latency: &Latency{Max: n[2], P50: n[3], P99: n[4], P999: n[5]},
	}, nil
}

func javaConsume(ctx context.Context, b *bench) (*Sample, error) {
	out, err := b.java(ctx, "org.apache.kafka.tools.ConsumerPerformance", "--topic", b.flooded.topic, "--num-records", strconv.Itoa(int(b.flooded.records)),
		"--bootstrap-server", b.seeds(), "--hide-header", "--timeout", "60000")
	if err != nil {
		return nil, err
	}
	// start, end, MB consumed, MB/s, records, records/s, rebalance ms, fetch ms, fetch MB/s, fetch
	// records/s
	n, err := numbers(out, `(?m)^[\d: -]+:\d+, [\d: -]+:\d+, ([\d.]+), [\d.]+, (\d+), [\d.]+, \d+, (\d+), `)
	if err != nil {
		return nil, err
	}
	return &Sample{Records: int64(n[1]), Bytes: int64(n[1]) * int64(b.Record), Seconds: n[2] / 1000}, nil
}

func javaLatency(ctx context.Context, b *bench) (*Sample, error) {
	const records = 3000
	out, err := b.java(ctx, "org.apache.kafka.tools.EndToEndLatency", "--bootstrap-server", b.seeds(), "--topic", b.topic(1),
		"--num-records", strconv.Itoa(records), "--producer-acks", "all", "--record-size", strconv.Itoa(b.Record))
	if err != nil {
		return nil, err
	}
	n, err := numbers(out, `Percentiles: 50th = (\d+), 99th = (\d+), 99.9th = (\d+)`)
	if err != nil {
		return nil, err
	}
	mean, err := numbers(out, `Avg latency: ([\d.]+) ms`)
	if err != nil {
		return nil, err
	}
	return &Sample{
		Records: records, Bytes: records * int64(b.Record), Seconds: records * mean[0] / 1000,
		Latency: &Latency{P50: n[0], P99: n[1], P999: n[2]},
	}, nil
}

func (b *bench) seeds() string { return strings.Join(b.cluster.Seeds(), ",") }

// java runs a program of Kafka's to its end and returns what it printed.
func (b *bench) java(ctx context.Context, class string, args ...string) (string, error) {
	jars, err := kafkaJars(ctx)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, "java", append([]string{"-Xmx512m", "-cp", filepath.Join(jars, "*"), class}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", class, err, out)
	}
	return string(out), nil
}

// numbers returns the groups of a pattern as they stand in a text.
func numbers(text, pattern string) ([]float64, error) {
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		return nil, fmt.Errorf("its output was not understood:\n%s", text)
	}
	all := make([]float64, len(m)-1)
	for i, s := range m[1:] {
		var err error
		if all[i], err = strconv.ParseFloat(s, 64); err != nil {
			return nil, err
		}
	}
	return all, nil
}
