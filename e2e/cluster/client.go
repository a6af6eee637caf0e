package cluster

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"
)

// Broker sends requests to this very node and to no other, once each, whoever should answer them.
// Fetches and produce requests go out in the last version that has topic names.
func (n *Node) Broker() *kgo.Broker {
	n.t.Helper()
	n.once.Do(func() {
		versions := kversion.Stable()
		versions.SetMaxKeyVersion(0, 12)
		versions.SetMaxKeyVersion(1, 12)
		cl, err := kgo.NewClient(kgo.SeedBrokers(n.Addr()), kgo.MaxVersions(versions), kgo.RequestRetries(0),
			kgo.DialTimeout(time.Second), kgo.RetryTimeout(5*time.Second), kgo.RequestTimeoutOverhead(5*time.Second))
		if err != nil {
			n.t.Fatal(err)
		}
		n.client = cl
	})
	return n.client.SeedBrokers()[0]
}
