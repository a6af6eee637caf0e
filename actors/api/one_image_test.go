package api

import (
	"log/slog"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// losing is a cluster whose topic is deleted once its image was looked at so many times.
type losing struct {
	*guarded
	left int
}

func (l *losing) Image() *metadata.Image {
	if l.left--; l.left < 0 {
		return metadata.NewMachine().Image()
	}
	return l.guarded.Image()
}

// Who asks for all topics is told those of one moment: one that is deleted meanwhile is there or is
// not, and is no topic that nobody knows.
func TestAllTopicsAreToldOfOneImage(t *testing.T) {
	for _, request := range []kmsg.Request{
		&kmsg.MetadataRequest{Version: 12},
		&kmsg.DescribeTopicPartitionsRequest{ResponsePartitionLimit: 10},
	} {
		for looks := range 6 {
			c := &losing{&guarded{bounded: &bounded{operate(t, 4), 1000}}, looks}
			p := server.NewPending()
			NewTable(c, nil, slog.New(slog.DiscardHandler)).Handle(&server.Request{Body: request, Connection: &server.Connection{}}, p)
			<-p.Ready()
			for _, code := range codes(reflect.ValueOf(p.Response())) {
				if code != 0 && code != 5 { // LEADER_NOT_AVAILABLE is of a partition
					t.Errorf("%T, deleted after %d looks: a topic has error %d", request, looks, code)
				}
			}
		}
	}
}

// A request that brings or wants records of several topics finds all of them, or none, when they
// are deleted at once.
func TestRecordsAreOfOneImage(t *testing.T) {
	fetch := kmsg.NewPtrFetchRequest()
	fetch.Version, fetch.MaxBytes, fetch.SessionEpoch = 12, 1<<20, -1
	produce := kmsg.NewPtrProduceRequest()
	produce.Version, produce.Acks, produce.TimeoutMillis = 9, -1, 1000
	for _, name := range []string{"t", "u"} {
		wants, brings := kmsg.NewFetchRequestTopic(), kmsg.NewProduceRequestTopic()
		wants.Topic, brings.Topic = name, name
		part := kmsg.NewFetchRequestTopicPartition()
		part.PartitionMaxBytes = 1 << 20
		wants.Partitions = append(wants.Partitions, part)
		brings.Partitions = append(brings.Partitions, kmsg.NewProduceRequestTopicPartition())
		fetch.Topics, produce.Topics = append(fetch.Topics, wants), append(produce.Topics, brings)
	}
	for _, request := range []kmsg.Request{fetch, produce} {
		met := map[int16]bool{}
		for looks := range 12 {
			o := operate(t, 4)
			if _, err := o.Submit(t.Context(), metadata.Command{CreateTopic: &metadata.CreateTopic{Name: "u", ID: metadata.TopicID{2}, Placement: [][]metadata.NodeID{{1, 2, 3}}}}); err != nil {
				t.Fatal(err)
			}
			c := &losing{&guarded{bounded: &bounded{o, 1000}}, looks}
			p := server.NewPending()
			NewTable(c, nil, slog.New(slog.DiscardHandler)).Handle(&server.Request{Body: request, Connection: &server.Connection{Values: map[string]any{}}}, p)
			<-p.Ready()
			first := int16(0)
			for _, code := range codes(reflect.ValueOf(p.Response())) {
				met[code] = true
				if first == 0 {
					first = code
				}
				if code != 0 && code != first {
					t.Errorf("%T, deleted after %d looks: errors %d and %d", request, looks, first, code)
				}
			}
		}
		if !met[kerr.UnknownTopicOrPartition.Code] || len(met) < 2 {
			t.Errorf("%T: the topics were never there, or always: %v", request, met)
		}
	}
}
