// Command kafka-go keeps the contract of a client (see e2e/clients/contract_test.go) with
// github.com/segmentio/kafka-go.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	brokers, args := strings.Split(os.Args[2], ","), os.Args[3:]
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

func topics(brokers []string) error {
	conn, err := kafka.Dial("tcp", brokers[0])
	if err != nil {
		return err
	}
	partitions, err := conn.ReadPartitions()
	seen := map[string]bool{}
	for _, p := range partitions {
		if !seen[p.Topic] {
			fmt.Println(p.Topic)
		}
		seen[p.Topic] = true
	}
	return errors.Join(err, conn.Close())
}

// create asks the controller, as this client's documentation says one must.
func create(brokers []string, topic string) error {
	conn, err := kafka.Dial("tcp", brokers[0])
	if err != nil {
		return err
	}
	defer conn.Close()
	c, err := conn.Controller()
	if err != nil {
		return err
	}
	controller, err := kafka.Dial("tcp", net.JoinHostPort(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return err
	}
	err = controller.CreateTopics(kafka.TopicConfig{Topic: topic, NumPartitions: 3, ReplicationFactor: 3})
	return errors.Join(err, controller.Close())
}

func produce(brokers []string, topic, codec string) error {
	w := &kafka.Writer{Addr: kafka.TCP(brokers...), Topic: topic, Balancer: &kafka.Hash{}, RequiredAcks: kafka.RequireAll, BatchTimeout: 5 * time.Millisecond}
	if codec != "none" {
		if err := w.Compression.UnmarshalText([]byte(codec)); err != nil {
			return err
		}
	}
	var messages []kafka.Message
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "\t")
		messages = append(messages, kafka.Message{Key: []byte(key), Value: []byte(value)})
	}
	return errors.Join(w.WriteMessages(context.Background(), messages...), w.Close())
}

func consume(brokers []string, topic, group string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: brokers, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset, MaxWait: 500 * time.Millisecond,
		ErrorLogger: kafka.LoggerFunc(func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }),
	})
	for {
		m, err := r.FetchMessage(ctx)
		if ctx.Err() != nil {
			return r.Close()
		}
		if err != nil {
			return errors.Join(err, r.Close())
		}
		fmt.Printf("%d\t%d\t%s\t%s\n", m.Partition, m.Offset, m.Key, m.Value)
		if err := r.CommitMessages(context.Background(), m); err != nil {
			return errors.Join(err, r.Close())
		}
	}
}
