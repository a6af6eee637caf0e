package sim

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"maps"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

var background = context.Background()

// Report is what a run came to.
type Report struct {
	Seed       uint64
	World      string        // its kind
	Hash       uint64        // of everything that happened, in order
	Simulated  time.Duration // virtual time
	Events     uint64
	Acked      int // records
	Commits    int // of group offsets
	Nodes      int
	Replicas   int // of topics
	For        time.Duration
	Plan       []Fault
	Clients    []string // in the plan by -1, -2, …
	Violations []Violation
	Story      []string
}

// one is held by the world that runs: chance of the process's libraries is the world's while it
// does.
var one sync.Mutex

// entropy is a reader of the world's chance, in place of crypto/rand's.
type entropy struct{ source *mathrand.ChaCha8 }

func (e entropy) Read(b []byte) (int, error) { return e.source.Read(b) }

// Run runs a world. In one process one world runs at a time, because etcd/raft draws election
// timeouts from crypto/rand.
func Run(o Options) Report { return run(o, (*World).live) }

func run(o Options, live func(*World) []Fault) Report {
	one.Lock()
	defer one.Unlock()
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], o.Seed)
	before := rand.Reader
	rand.Reader = entropy{mathrand.NewChaCha8(seed)}
	uuid.SetRand(rand.Reader)
	defer func() {
		rand.Reader = before
		uuid.SetRand(nil)
	}()
	w := newWorld(o)
	plan := live(w)
	w.end()
	return Report{
		Seed: o.Seed, World: w.kind.Name, Replicas: w.replicas, Hash: w.hash, Simulated: time.Duration(w.now), Events: w.steps, Acked: w.load.acked, Commits: w.load.commits(),
		Nodes: w.options.Nodes, For: w.options.For, Plan: plan, Clients: w.names(), Violations: w.violations, Story: w.story,
	}
}

// live lets the world live through its trouble and heal.
func (w *World) live() []Fault {
	plan := w.plan()
	w.begun()
	w.schedule(plan)
	if w.options.Operations > 0 {
		w.operate(plan)
	} else {
		w.run(instant(w.options.For))
	}
	if !w.over {
		w.heal()
		for _, f := range plan {
			if f.late && !w.left(f.Number) {
				w.event(w.clients, "late fault")
				w.note(w.clients, "FAULT %s", f)
				f.begin(w)
			}
		}
		w.converge()
	}
	return plan
}

// begun starts machines and clients.
func (w *World) begun() {
	w.load = newLoad()
	if w.kind.young {
		w.birth()
	} else {
		for _, id := range w.order {
			w.after(w.upTo(2*time.Second), func() { w.start(w.machines[id]) })
		}
	}
	w.crowd()
}

// end kills everything.
func (w *World) end() {
	for _, m := range w.up() {
		m.process.end()
		m.process = nil
	}
	w.clients.end()
}

// has reports whether a client of this world is there, and was not left out.
func (w *World) has(client string) bool {
	i := slices.Index(w.names(), client)
	return i >= 0 && !w.left(-1-i)
}

func (w *World) names() (all []string) {
	for _, c := range w.kind.crew {
		all = append(all, c.name)
	}
	return all
}

// crowd starts the clients. Each of them is a part of the plan, with a negative number.
func (w *World) crowd() {
	w.spawn("setup", func(c *client) {
		w.begin(c)
		for i, member := range w.kind.crew {
			if !w.left(-1 - i) {
				w.spawn(member.name, member.do)
			}
		}
	})
}

// heal ends every fault.
func (w *World) heal() {
	w.event(w.clients, "everything is healed")
	w.healed = true
	clear(w.network.cut)
	w.network.noise = nil
	w.load.deaf = 0
	for _, id := range w.order {
		m := w.machines[id]
		m.disk.slow, m.disk.tears = false, false
		m.disk.fill(false)
		if m.process != nil {
			w.goOn(m.process)
		}
		w.start(m)
	}
	for _, id := range w.order {
		w.watchAll(id)
	}
	if m := w.resting; m != nil {
		w.spawn("operator", func(c *client) {
			(&operator{client: c, patience: thoroughly}).maintain(m)
		})
	}
}

// healing is how long a healed world is given: clients go on for a while, then all that was sent
// has to be there.
const (
	healing = 20 * time.Second
	resting = 120 * time.Second
)

// converge waits until a healed world is at rest, and checks it.
func (w *World) converge() {
	w.served()
	w.load.quiet = true
	until := w.now.plus(resting)
	w.run(w.now.plus(2 * patience)) // clients end
	why := w.unrest()
	for ; why != "" && !w.over && w.now < until; why = w.unrest() {
		w.run(w.now.plus(500 * time.Millisecond))
	}
	switch {
	case w.over:
		return
	case why != "":
		w.survey()
		w.violate(Converges, "%s", why)
		return
	}
	w.verify()
	w.allAnswered()
	w.givenBack()
	w.cleanedInTheEnd()
}

// served gives clients the time to go on, and the group that to balance: what of it is gone is so
// for good once its session is over.
func (w *World) served() {
	healed := w.now
	w.run(healed.plus(healing))
	members := w.has("member-a") || w.has("member-b")
	for w.load.topic && members && w.load.assigned < healed {
		if w.now > healed.plus(resting) {
			w.violate(Converges, "no member of the group was given its partitions since everything is healed, for %s", resting)
		}
		if w.over {
			return
		}
		w.run(w.now.plus(time.Second))
	}
}

// survey writes into the story what every replica shows.
func (w *World) survey() {
	for _, m := range w.up() {
		image := m.process.node.Image()
		for _, s := range slices.Sorted(maps.Keys(w.checks.shards)) {
			if ref := m.process.node.Replica(s); ref != nil {
				v := ref.View()
				w.note(m.process, "shard %d: replica %d, role %d in epoch %d, leader %d, shows %d to %d, entry %d, members %v", s, v.Replica, v.Role, v.Epoch, v.Leader,
					v.LogStart, v.HighWatermark, v.Applied(), v.Conf)
			}
			if p := image.Shard(s); p != nil {
				w.note(m.process, "shard %d in its image: %+v", s, *p)
			}
		}
	}
}

// unrest tells why the cluster is not at rest.
func (w *World) unrest() string {
	for _, m := range w.members() {
		p := m.process
		switch {
		case p == nil || p.node == nil:
			return fmt.Sprintf("%s is down", m.name())
		case p.node.Status().Quarantined > 0 && !m.excused:
			return fmt.Sprintf("%s has a replica in quarantine", m.name())
		case !p.open:
			return fmt.Sprintf("%s does not serve clients", m.name())
		}
	}
	image := w.image()
	if image.Meta == nil {
		return "the cluster has not formed"
	}
	if why := w.thin(image); why != "" {
		return why
	}
	if why := lopsided(image); why != "" && w.operated {
		return why
	}
	if why := w.uneven(metadata.MetaShard, placement(image.Meta)); why != "" {
		return why
	}
	for _, name := range slices.Sorted(maps.Keys(image.Topics)) {
		for _, p := range image.Topics[name].Partitions {
			if why := w.uneven(p.Shard, placement(p)); why != "" {
				return fmt.Sprintf("%s-%d: %s", name, p.Index, why)
			}
		}
	}
	return ""
}

// image is the metadata as a member knows it.
func (w *World) image() *metadata.Image { return w.members()[0].process.node.Image() }

// placement is where a partition's replicas live.
func placement(p *metadata.Partition) map[storage.ReplicaID]metadata.NodeID {
	at := make(map[storage.ReplicaID]metadata.NodeID)
	for _, r := range p.Replicas {
		at[r.ID] = r.Node
	}
	return at
}

// uneven tells how the replicas of a shard differ.
func (w *World) uneven(s storage.ShardID, replicas map[storage.ReplicaID]metadata.NodeID) string {
	var first *replica.View
	leaders := 0
	for _, r := range slices.Sorted(maps.Keys(replicas)) {
		n := replicas[r]
		if w.machines[n].process == nil {
			return fmt.Sprintf("n%d is down and has replica %d of shard %d", n, r, s)
		}
		ref := w.machines[n].process.node.Replica(s)
		if ref != nil && ref.View().Role == replica.Leader {
			leaders++
			if conf := ref.View().Conf; len(conf.GetVotersOutgoing()) > 0 {
				return fmt.Sprintf("shard %d is in the middle of a change of members: %v", s, conf)
			}
		}
		if w.outOfService(r) {
			continue // what is damaged and was not read yet may still lead
		}
		if ref == nil {
			return fmt.Sprintf("n%d has no replica of shard %d", n, s)
		}
		v := ref.View()
		if first == nil {
			first = v
		}
		if v.HighWatermark != first.HighWatermark || v.Applied() != first.Applied() || v.LogStart != first.LogStart {
			return fmt.Sprintf("shard %d ends at %d (entry %d) on replica %d, at %d (entry %d) on replica %d", s, first.HighWatermark, first.Applied(), first.Replica,
				v.HighWatermark, v.Applied(), r)
		}
	}
	if leaders != 1 {
		return fmt.Sprintf("shard %d has %d leaders", s, leaders)
	}
	return ""
}
