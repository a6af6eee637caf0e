// Command franz keeps the contract of a client (see e2e/clients/contract_test.go) with
// github.com/twmb/franz-go.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

func main() {
	brokers, args := kgo.SeedBrokers(strings.Split(os.Args[2], ",")...), os.Args[3:]
	verbs := map[string]func() error{
		"topics":  func() error { return topics(brokers) },
		"create":  func() error { return create(brokers, args[0]) },
		"produce": func() error { return produce(brokers, args[0], args[1]) },
		"consume": func() error { return consume(brokers, args[0], args[1]) },
	}
	if err := verbs[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func topics(brokers kgo.Opt) error {
	admin, err := kadm.NewOptClient(brokers)
	if err != nil {
		return err
	}
	defer admin.Close()
	all, err := admin.ListTopics(context.Background())
	for _, name := range all.Names() {
		fmt.Println(name)
	}
	return err
}

func create(brokers kgo.Opt, topic string) error {
	admin, err := kadm.NewOptClient(brokers)
	if err != nil {
		return err
	}
	defer admin.Close()
	r, err := admin.CreateTopic(context.Background(), 3, 3, nil, topic)
	return errors.Join(err, r.Err)
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

func produce(brokers kgo.Opt, topic, codec string) error {
	cl, err := kgo.NewClient(brokers, kgo.DefaultProduceTopic(topic), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchCompression(codecs[codec]))
	if err != nil {
		return err
	}
	defer cl.Close()
	var records []*kgo.Record
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "\t")
		records = append(records, kgo.KeyStringRecord(key, value))
	}
	return cl.ProduceSync(context.Background(), records...).FirstErr()
}

func consume(brokers kgo.Opt, topic, group string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cl, err := kgo.NewClient(brokers, kgo.ConsumeTopics(topic), kgo.ConsumerGroup(group), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return cl.CommitUncommittedOffsets(context.Background())
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) { fmt.Printf("%d\t%d\t%s\t%s\n", r.Partition, r.Offset, r.Key, r.Value) })
	}
}
