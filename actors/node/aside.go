package node

import (
	"fmt"
	"time"

	"github.com/troupe-mq/troupe/actors/space"
	"github.com/troupe-mq/troupe/storage"
)

// A store that is damaged so that nothing can be said of what it held is set aside, and the node
// goes on as one with an empty disk: what the cluster can do without is replaced, and what it
// cannot is waited for. docs/adr, An unreadable store is set aside.

// keeps tells why a store that cannot be read may not be set aside without the operator; empty if
// it may.
func keeps(c *Config, u *storage.Unreadable) string {
	switch {
	case !u.Known:
		return "whose it was cannot be told, for the file NODE in it is missing, damaged, or of a newer version"
	case u.Held.NodeID != c.ID:
		return fmt.Sprintf("it belongs to node %d, but this node is %d: check node.id and the directory", u.Held.NodeID, c.ID)
	case len(c.Join) == 0 && len(c.Peers) < 2:
		return "there is no other node to ask for what it held; if there is a cluster, name one of its nodes (join)"
	}
	return ""
}

// givenUp is the record that a node begins anew with, whose disk gave itself up. Of an incarnation
// that was never let in the cluster knows nothing: then it is the one before.
func givenUp(held storage.Node, incarnation uint64) storage.Node {
	gave := held.Incarnation
	if held.Founders == nil && held.Gave != 0 {
		gave = held.Gave
	}
	return storage.Node{NodeID: held.NodeID, Incarnation: incarnation, Gave: gave, Peers: held.Peers}
}

// setAside opens an empty store in the place of one that cannot be read.
func (n *Node) setAside(u *storage.Unreadable) (storage.Store, error) {
	if why := keeps(&n.config, u); why != "" {
		return nil, fmt.Errorf("%w; the store is not set aside: %s. Restore it, or have the cluster declare it lost (troupe cluster replace %d) and start with an empty directory", u, why, n.here.ID)
	}
	where, err := n.world.SetAside(n.config, u.Cause, givenUp(u.Held, newIncarnation()))
	if err != nil {
		return nil, fmt.Errorf("%w; and the store could not be set aside: %w", u, err)
	}
	n.here.Log.Error("the store of this node is damaged: it was set aside, nothing of it is used any more, and the node joins the cluster as one with an empty disk",
		"dir", n.config.Dir, "moved_to", where, "error", u.Cause)
	return n.world.Store(n.config)
}

// noticeTime is how long a node that gave its disk up waits before it asks to be let in: leaders
// that lost more followers than they can lose notice it meanwhile.
const noticeTime = 2 * time.Second

const damagedEvery = 5 * time.Second // between two looks at the stores that were set aside

// dropDamagedStores deletes the stores that were set aside, one after the other, when they are not
// worth their room any more.
func (n *Node) dropDamagedStores() {
	k, ok := n.store.(storage.Keeper)
	if !ok {
		return
	}
	n.here.Every(damagedEvery, func(time.Time) {
		admitted := n.here.Identity().Founders != nil
		for _, e := range expendable(k.Evidence(), admitted, n.space.Own() == space.Ample, n.store.Room().Free) {
			n.here.Log.Warn("a damaged store that was set aside is deleted", "dir", e.Dir, "bytes", e.Bytes, "cause", e.Cause)
			if err := k.Drop(e); err != nil {
				n.here.Log.Warn("it could not be deleted", "dir", e.Dir, "error", err)
			}
		}
	})
}

// expendable tells which of the stores that were set aside may be deleted: none before the cluster
// has let the node in, which it does when it can do without what they held; then all but the
// newest, and that one, too, when the disk is not ample, or less than twice of what it takes is
// free.
func expendable(all []storage.Evidence, admitted, ample bool, free int64) []storage.Evidence {
	switch {
	case !admitted || len(all) == 0:
		return nil
	case !ample || free < 2*all[len(all)-1].Bytes:
		return all
	}
	return all[:len(all)-1]
}
