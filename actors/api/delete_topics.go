package api

import (
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
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
			t, err := c.deletable(want)
			if t != nil && protocol.Code(err) != kerr.TopicAuthorizationFailed.Code {
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

// deletable finds a topic that the client may delete: that topic, or any. To who may describe it,
// it is told whether it is there.
func (c *Call) deletable(want kmsg.DeleteTopicsRequestTopic) (*metadata.Topic, error) {
	if c.Cluster.Setting("delete.topic.enable") != "true" {
		return nil, protocol.Errorf(kerr.TopicDeletionDisabled, "topic deletion is disabled (delete.topic.enable)")
	}
	name := ""
	if want.Topic != nil {
		name = *want.Topic
	}
	byID := want.TopicID != [16]byte{}
	var t *metadata.Topic
	var err *protocol.Error
	if any := c.ClusterWide(access.Delete) == nil; any {
		t, err = c.anyTopic(name, want.TopicID, byID)
	} else if t, err = c.Topic(name, want.TopicID, byID, access.Describe); err == nil {
		t, err = c.Topic(t.Name, t.ID, false, access.Delete)
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}
