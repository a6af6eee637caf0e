package api

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/access"
	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// addFeatures tells which features this node supports and at what level the cluster works
// (KIP-584).
func addFeatures(r *kmsg.ApiVersionsResponse, image *metadata.Image) {
	for _, name := range slices.Sorted(maps.Keys(metadata.Features)) {
		r.SupportedFeatures = append(r.SupportedFeatures, supported(name, metadata.Features[name]))
	}
	addKafkasFeatures(r)
	for _, name := range image.FeaturesInUse() {
		r.FinalizedFeatures = append(r.FinalizedFeatures, finalized(name, image.Feature(name)))
	}
	r.FinalizedFeaturesEpoch = int64(image.LevelsAt)
}

// kafkaFeatures are the features of Kafka that its clients and tools look for, and the level that
// this build has them at: metadata.version says what a broker can do at large (33 is 4.4-IV2); the
// others are at 0, for what they switch on is not there: the new group protocols, and the second
// version of transactions. They are what the build is, so the cluster cannot be set to another
// level.
var kafkaFeatures = map[string]int16{
	"metadata.version": 33, "group.version": 0, "transaction.version": 0, "share.version": 0, "streams.version": 0,
}

// addKafkasFeatures tells of Kafka's features. Clients before version 4 cannot read a range that
// begins at 0, and a feature at level 0 is not in use (KIP-1022).
func addKafkasFeatures(r *kmsg.ApiVersionsResponse) {
	for _, name := range slices.Sorted(maps.Keys(kafkaFeatures)) {
		level := kafkaFeatures[name]
		if level > 0 || r.Version >= 4 {
			r.SupportedFeatures = append(r.SupportedFeatures, supported(name, metadata.Levels{Min: level, Max: level}))
		}
		if level > 0 {
			r.FinalizedFeatures = append(r.FinalizedFeatures, finalized(name, level))
		}
	}
}

func supported(name string, l metadata.Levels) kmsg.ApiVersionsResponseSupportedFeature {
	f := kmsg.NewApiVersionsResponseSupportedFeature()
	f.Name, f.MinVersion, f.MaxVersion = name, l.Min, l.Max
	return f
}

func finalized(name string, level int16) kmsg.ApiVersionsResponseFinalizedFeature {
	f := kmsg.NewApiVersionsResponseFinalizedFeature()
	f.Name, f.MinVersionLevel, f.MaxVersionLevel = name, level, level
	return f
}

// update has the levels set, or only looks whether they could be.
func (c *Call) update(command *metadata.UpdateFeatures, request *kmsg.UpdateFeaturesRequest) error {
	if len(command.Updates) == 0 {
		return nil
	}
	if refused := c.Cluster.Image().Updatable(command); refused != nil {
		return refused
	}
	if request.ValidateOnly {
		return nil
	}
	ctx, cancel := c.timeout(request.TimeoutMillis)
	defer cancel()
	return submit(ctx, c.Cluster, metadata.Command{UpdateFeatures: command})
}

// Version notes
//
//	1  validate only; the kind of an update instead of whether it may go back (KIP-778)
//	2  no results one by one

// updateFeatures sets the levels that the cluster works at: all of a request or none.
func updateFeatures(c *Call) {
	request := c.Body.(*kmsg.UpdateFeaturesRequest)
	c.Go(func() {
		r := request.ResponseKind().(*kmsg.UpdateFeaturesResponse)
		command := &metadata.UpdateFeatures{}
		err := error(nil)
		if denied := c.ClusterWide(access.Alter); denied != nil {
			r.ErrorCode, r.ErrorMessage = denied.Kafka.Code, protocol.Detail(denied)
			c.Answer(r)
			return
		}
		for _, u := range request.FeatureUpdates {
			if kafkas, is := kafkaFeatures[u.Feature]; is {
				if u.MaxVersionLevel != kafkas && err == nil {
					err = protocol.Errorf(kerr.InvalidUpdateVersion, "Invalid update version %d for feature %s. Local controller %d only supports versions %d-%d",
						u.MaxVersionLevel, u.Feature, c.Cluster.Self(), kafkas, kafkas)
				}
				continue
			}
			back := u.AllowDowngrade
			if request.Version >= 1 {
				back = u.UpgradeType > 1
			}
			command.Updates = append(command.Updates, metadata.FeatureUpdate{Name: u.Feature, Level: u.MaxVersionLevel, Downgrade: back})
		}
		if err == nil {
			err = c.update(command, request)
		}
		r.ErrorCode, r.ErrorMessage = protocol.Code(err), protocol.Detail(err)
		for _, u := range request.FeatureUpdates {
			if request.Version > 1 {
				break
			}
			out := kmsg.NewUpdateFeaturesResponseResult()
			out.Feature, out.ErrorCode, out.ErrorMessage = u.Feature, r.ErrorCode, r.ErrorMessage
			r.Results = append(r.Results, out)
		}
		c.Answer(r)
	})
}
