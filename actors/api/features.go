package api

import (
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// addFeatures tells which features this node supports and at what level the cluster works (KIP-584).
func addFeatures(r *kmsg.ApiVersionsResponse, image *metadata.Image) {
	for _, name := range slices.Sorted(maps.Keys(metadata.Features)) {
		f := kmsg.NewApiVersionsResponseSupportedFeature()
		f.Name, f.MinVersion, f.MaxVersion = name, metadata.Features[name].Min, metadata.Features[name].Max
		r.SupportedFeatures = append(r.SupportedFeatures, f)
	}
	for _, name := range image.FeaturesInUse() {
		f := kmsg.NewApiVersionsResponseFinalizedFeature()
		f.Name, f.MinVersionLevel, f.MaxVersionLevel = name, image.Feature(name), image.Feature(name)
		r.FinalizedFeatures = append(r.FinalizedFeatures, f)
	}
	r.FinalizedFeaturesEpoch = int64(image.LevelsAt)
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
		for _, u := range request.FeatureUpdates {
			back := u.AllowDowngrade
			if request.Version >= 1 {
				back = u.UpgradeType > 1
			}
			command.Updates = append(command.Updates, metadata.FeatureUpdate{Name: u.Feature, Level: u.MaxVersionLevel, Downgrade: back})
		}
		var err error
		if refused := c.Cluster.Image().Updatable(command); refused != nil {
			err = refused
		} else if !request.ValidateOnly {
			ctx, cancel := c.timeout(request.TimeoutMillis)
			defer cancel()
			err = submit(ctx, c.Cluster, metadata.Command{UpdateFeatures: command})
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
