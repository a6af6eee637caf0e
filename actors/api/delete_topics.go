package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// deleteTopics deletes topics by name or, from version 6 on, by id.
func deleteTopics(c *Call) {
	c.Go(func() {
		request := c.Body.(*kmsg.DeleteTopicsRequest)
		r := request.ResponseKind().(*kmsg.DeleteTopicsResponse)
		topics := request.Topics
		for _, name := range request.TopicNames {
			t := kmsg.NewDeleteTopicsRequestTopic()
			t.Topic = &name
			topics = append(topics, t)
		}
		ctx, cancel := c.timeout(request.TimeoutMillis)
		defer cancel()
		for _, want := range topics {
			out := kmsg.NewDeleteTopicsResponseTopic()
			out.Topic, out.TopicID = want.Topic, want.TopicID
			t, err := deletable(c.Cluster, want)
			if t != nil {
				out.Topic, out.TopicID = &t.Name, t.ID
			}
			if err == nil {
				err = submit(ctx, c.Cluster, metadata.Command{DeleteTopic: &metadata.DeleteTopic{ID: t.ID}})
			}
			out.ErrorCode, out.ErrorMessage = protocol.Code(err), protocol.Detail(err)
			r.Topics = append(r.Topics, out)
		}
		c.Answer(r)
	})
}

func deletable(c Cluster, want kmsg.DeleteTopicsRequestTopic) (*metadata.Topic, error) {
	if c.Setting("delete.topic.enable") != "true" {
		return nil, protocol.Errorf(kerr.TopicDeletionDisabled, "topic deletion is disabled (delete.topic.enable)")
	}
	name := ""
	if want.Topic != nil {
		name = *want.Topic
	}
	t, err := topicOf(c.Image(), name, want.TopicID, want.TopicID != [16]byte{})
	if err != nil {
		return nil, err
	}
	return t, nil
}
