package api

import (
	"log/slog"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/server"
)

// Table is all the APIs of a node; it implements server.Handler. What is not in it is neither
// advertised nor answered.
type Table struct {
	cluster  Cluster
	log      *slog.Logger
	handlers map[int16]handler
	versions []kmsg.ApiVersionsResponseApiKey
}

var _ server.Handler = (*Table)(nil)

// NewTable makes the table of a node. groups coordinates the consumer groups.
func NewTable(c Cluster, groups Groups, log *slog.Logger) *Table {
	t := &Table{cluster: c, log: log, handlers: make(map[int16]handler)}
	ids := newProducerIDs(c)
	sessions := newFetchSessions(
		func() int { return int(setting(c, "max.incremental.fetch.session.cache.slots")) }, c.SessionBytes, func() time.Time { return c.Runtime().Now() }, c.Ledger())
	all := slices.Concat(dataHandlers(ids, sessions), adminHandlers(), groupHandlers(groups))
	all = append(all, handler{kmsg.ApiVersions, 0, 5, t.apiVersions},
		handler{kmsg.SASLHandshake, 0, 1, saslHandshake}, handler{kmsg.SASLAuthenticate, 0, 2, saslAuthenticate})
	for _, h := range all {
		t.handlers[int16(h.key)] = h
		advertised := kmsg.NewApiVersionsResponseApiKey()
		advertised.ApiKey, advertised.MinVersion, advertised.MaxVersion = int16(h.key), h.min, h.max
		if h.key == kmsg.Produce {
			// librdkafka switches compression off for brokers that do not know old versions (KAFKA-18659)
			advertised.MinVersion = 0
		}
		t.versions = append(t.versions, advertised)
	}
	slices.SortFunc(t.versions, func(a, b kmsg.ApiVersionsResponseApiKey) int { return int(a.ApiKey) - int(b.ApiKey) })
	return t
}

func dataHandlers(ids *producerIDs, sessions *fetchSessions) []handler {
	return []handler{
		{kmsg.Produce, 3, 13, produce},
		{kmsg.Fetch, 4, 18, sessions.fetch},
		{kmsg.ListOffsets, 1, 11, listOffsets},
		{kmsg.OffsetForLeaderEpoch, 2, 4, offsetForLeaderEpoch},
		{kmsg.DeleteRecords, 0, 2, deleteRecords},
		{kmsg.InitProducerID, 0, 5, ids.initProducerID},
	}
}

// Speaks implements server.Handler.
func (t *Table) Speaks(key, version int16) bool {
	h, ok := t.handlers[key]
	return ok && version >= h.min && version <= h.max
}

// Handle implements server.Handler.
func (t *Table) Handle(r *server.Request, p *server.Pending) {
	h := t.handlers[r.Body.Key()]
	c := &Call{Request: r, Cluster: t.cluster, log: t.log, pending: p}
	h.handle(c)
}

// Versions implements server.Handler.
func (t *Table) Versions() kmsg.Response {
	r := kmsg.NewPtrApiVersionsResponse()
	r.ErrorCode = kerr.UnsupportedVersion.Code
	r.ApiKeys = t.versions
	return r
}

// apiVersions answers which APIs are spoken (KIP-35, KIP-511).
func (t *Table) apiVersions(c *Call) {
	request := c.Body.(*kmsg.ApiVersionsRequest)
	r := request.ResponseKind().(*kmsg.ApiVersionsResponse)
	if request.Version >= 3 && !(legalSoftware(request.ClientSoftwareName) && legalSoftware(request.ClientSoftwareVersion)) {
		r.ErrorCode = kerr.InvalidRequest.Code
		c.Answer(r)
		return
	}
	if err := misrouted(request, c.Cluster); err != nil {
		r.ErrorCode = err.Code
		c.Answer(r)
		return
	}
	c.Connection.SoftwareName, c.Connection.SoftwareVersion = request.ClientSoftwareName, request.ClientSoftwareVersion
	r.ApiKeys = t.versions
	addFeatures(r, c.Cluster.Image())
	c.Answer(r)
}

// misrouted tells a client that believes itself to be at another node, or in another cluster, to
// bootstrap anew (KIP-1242): a load balancer or a reused address brought it here. It says both or
// nothing.
func misrouted(request *kmsg.ApiVersionsRequest, c Cluster) *kerr.Error {
	says := request.NodeID != -1
	switch {
	case request.Version < 5 || request.ClusterID == nil && !says:
		return nil
	case request.ClusterID == nil || !says:
		return kerr.InvalidRequest
	case *request.ClusterID != c.Image().ClusterID || request.NodeID != int32(c.Self()):
		return kerr.RebootstrapRequired
	}
	return nil
}

// legalSoftware holds names to Kafka's pattern [a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?.
func legalSoftware(name string) bool {
	for i := range len(name) {
		b := name[i]
		letter := b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9'
		if !letter && (i == 0 || i == len(name)-1 || b != '-' && b != '.') {
			return false
		}
	}
	return name != ""
}
