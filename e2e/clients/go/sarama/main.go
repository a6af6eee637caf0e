// Command sarama keeps the contract of a client (see e2e/clients/contract_test.go) with
// github.com/IBM/sarama.
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

	"github.com/IBM/sarama"
)

func main() {
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	brokers, args := strings.Split(os.Args[2], ","), os.Args[3:]
	verbs := map[string]func() error{
		"topics":  func() error { return topics(config, brokers) },
		"create":  func() error { return create(config, brokers, args[0]) },
		"produce": func() error { return produce(config, brokers, args[0], args[1]) },
		"consume": func() error { return consume(config, brokers, args[0], args[1]) },
	}
	if err := verbs[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func topics(config *sarama.Config, brokers []string) error {
	admin, err := sarama.NewClusterAdmin(brokers, config)
	if err != nil {
		return err
	}
	all, err := admin.ListTopics()
	for name := range all {
		fmt.Println(name)
	}
	return errors.Join(err, admin.Close())
}

func create(config *sarama.Config, brokers []string, topic string) error {
	admin, err := sarama.NewClusterAdmin(brokers, config)
	if err != nil {
		return err
	}
	err = admin.CreateTopic(topic, &sarama.TopicDetail{NumPartitions: 3, ReplicationFactor: 3}, false)
	return errors.Join(err, admin.Close())
}

func produce(config *sarama.Config, brokers []string, topic, codec string) error {
	config.Producer.RequiredAcks = sarama.WaitForAll
	config.Producer.Return.Successes = true
	config.Producer.Idempotent, config.Net.MaxOpenRequests = true, 1
	if err := config.Producer.Compression.UnmarshalText([]byte(codec)); err != nil {
		return err
	}
	producer, err := sarama.NewSyncProducer(brokers, config)
	if err != nil {
		return err
	}
	var messages []*sarama.ProducerMessage
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "\t")
		messages = append(messages, &sarama.ProducerMessage{Topic: topic, Key: sarama.StringEncoder(key), Value: sarama.StringEncoder(value)})
	}
	return errors.Join(producer.SendMessages(messages), producer.Close())
}

func consume(config *sarama.Config, brokers []string, topic, group string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Return.Errors = true
	member, err := sarama.NewConsumerGroup(brokers, group, config)
	if err != nil {
		return err
	}
	go func() {
		for err := range member.Errors() {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	for ctx.Err() == nil && err == nil {
		err = member.Consume(ctx, []string{topic}, handler{})
	}
	return errors.Join(err, member.Close())
}

// handler prints; the session commits what is marked when it ends.
type handler struct{}

func (handler) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (handler) Cleanup(sarama.ConsumerGroupSession) error { return nil }

func (handler) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				return nil
			}
			fmt.Printf("%d\t%d\t%s\t%s\n", m.Partition, m.Offset, m.Key, m.Value)
			s.MarkMessage(m, "")
		case <-s.Context().Done():
			return nil
		}
	}
}
