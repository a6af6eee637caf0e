package api

import (
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/actors/server"
)

// Table is the APIs of a node; it implements server.Handler.
type Table struct {
	cluster  Cluster
	log      *slog.Logger
	ids      *producerIDs
	sessions *fetchSessions
	groups   Groups
	handlers map[int16]handler
	versions []kmsg.ApiVersionsResponseApiKey
}

// handler is a row of the table at work.
type handler struct {
	*API
	handle func(*Call)
}

var _ server.Handler = (*Table)(nil)

// NewTable makes the table of a node. groups coordinates the consumer groups.
func NewTable(c Cluster, groups Groups, log *slog.Logger) *Table {
	t := &Table{cluster: c, log: log, ids: newProducerIDs(c), groups: groups, handlers: make(map[int16]handler, len(apis))}
	t.sessions = newFetchSessions(
		func() int { return int(setting(c, "max.incremental.fetch.session.cache.slots")) }, c.SessionBytes, func() time.Time { return c.Runtime().Now() }, c.Ledger())
	for i := range apis {
		a := &apis[i]
		t.handlers[int16(a.Key)] = handler{a, a.bind(t)}
		advertised := kmsg.NewApiVersionsResponseApiKey()
		advertised.ApiKey, advertised.MinVersion, advertised.MaxVersion = int16(a.Key), a.Advertised(), a.Max
		t.versions = append(t.versions, advertised)
	}
	return t
}

// Speaks implements server.Handler.
func (t *Table) Speaks(key, version int16) bool {
	h, ok := t.handlers[key]
	return ok && version >= h.Min && version <= h.Max
}

// Waits implements server.Handler.
func (t *Table) Waits(key int16) bool { return t.handlers[key].API != nil && t.handlers[key].API.Waits }

// Handle implements server.Handler.
func (t *Table) Handle(r *server.Request, p *server.Pending) {
	t.handlers[r.Body.Key()].handle(&Call{Request: r, Cluster: t.cluster, groups: t.groups, log: t.log, pending: p})
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
