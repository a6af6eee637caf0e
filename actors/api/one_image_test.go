package api

import (
	"log/slog"
	"reflect"
	"testing"

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
