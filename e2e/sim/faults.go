package sim

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/troupe-mq/troupe/actors/replica"
	"github.com/troupe-mq/troupe/e2e/operations"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// Fault is something that the seed does to the world. It has a beginning and, most of them, an end.
type Fault struct {
	Number int // in the plan
	At     time.Duration
	For    time.Duration
	What   string
	late   bool // it strikes when everything else is healed
	begin  func(*World)
	end    func(*World)

	operation *operations.Operation // that it is, if it is one
}

// never is when an operation comes that has not come yet, where each waits for the one before.
const never time.Duration = math.MaxInt64

// String says it in a line.
func (f Fault) String() string {
	if f.At == never {
		return fmt.Sprintf("#%d: %s", f.Number, f.What)
	}
	if f.For == 0 { // it ends by itself
		return fmt.Sprintf("#%d at %s: %s", f.Number, f.At.Round(time.Millisecond), f.What)
	}
	return fmt.Sprintf("#%d at %s for %s: %s", f.Number, f.At.Round(time.Millisecond), f.For.Round(time.Millisecond), f.What)
}

// plan draws the faults of a seed and what its operator does: all of it before anything happens, so
// that some can be left out.
func (w *World) plan() []Fault {
	plan := w.operating()
	if w.options.Operations == 0 {
		plan = append(plan, w.trouble(plan)...)
		slices.SortStableFunc(plan, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	}
	for i := range plan {
		plan[i].Number = i + 1
	}
	return plan
}

// trouble draws the faults of a world with an operator.
func (w *World) trouble(operations []Fault) (plan []Fault) {
	// some seeds are wild, some calm
	gap := (1500*time.Millisecond + w.upTo(9*time.Second)) * time.Duration(w.pace)
	for at := 4*time.Second + w.upTo(gap); at < w.options.For; at += w.upTo(2 * gap) {
		there := slices.Clone(w.order)
		for _, f := range operations {
			if f.operation.Kind == "join" && f.At < at {
				there = append(there, metadata.NodeID(f.operation.Node))
			}
		}
		f := w.draw(there)
		f.At = at
		plan = append(plan, f)
	}
	if f, ok := w.late(); ok {
		f.At = w.options.For
		plan = append(plan, f)
	}
	return plan
}

// draw draws a fault of machines that are there, of those that this kind of world has.
func (w *World) draw(there []metadata.NodeID) Fault {
	n := there[w.pick(len(there))]
	other := there[w.pick(len(there))]
	long := 200*time.Millisecond + w.upTo(12*time.Second)
	troubles := w.kind.faults
	if troubles == nil {
		troubles = everyFault
	}
	switch t := troubles[w.pick(len(troubles))]; {
	case t == powerLoss, t.tampers() && !w.robust():
		return crashOf(n, keepsNone, long)
	case t == killing:
		return crashOf(n, keepsSome, long)
	case t == splitting:
		return split(w, there, long)
	case t == cutOneWay:
		return oneWay(n, other, long)
	case t == settingClocks && !w.kind.steady:
		return setClock(w, n, long)
	default:
		return w.simple(t, n, long)
	}
}

// simple makes a fault of one machine, or of all.
func (w *World) simple(t trouble, n metadata.NodeID, long time.Duration) Fault {
	switch t {
	case blackingOut:
		return blackout(long)
	case flappingLinks:
		return flapping(n, long)
	case badNetwork:
		return noisy(noise{loss: w.pick(60), repeat: w.pick(40), reorder: w.pick(100), delay: w.upTo(30 * time.Millisecond)}, long)
	case slowingDisk:
		return slowDisk(n, long)
	case fillingDisk:
		return fullDisk(n, long)
	case losingAnswers:
		return deaf(20+w.pick(300), long)
	case rotting:
		return rot(w, long)
	case stumblingNodes:
		return stumbling(w, long)
	case intruding:
		return intruder(w, long)
	case pausing:
		return pause(n, long)
	case tearing:
		return tornWrite(n, keepsSome, long)
	case lyingDisk:
		return tornWrite(w.victim(), keepsHalf, long)
	case shuttingDown:
		return shutdown(n, long)
	default:
		return transfers(long)
	}
}

// schedule puts the plan on the agenda.
func (w *World) schedule(plan []Fault) {
	for _, f := range plan {
		if w.left(f.Number) || f.late || f.At == never {
			continue
		}
		w.after(f.At, func() {
			if w.healed {
				return
			}
			w.event(w.clients, "fault begins")
			w.note(w.clients, "FAULT %s", f)
			f.begin(w)
			if f.end != nil {
				w.after(f.For, func() {
					if w.healed {
						return
					}
					w.event(w.clients, "fault ends")
					w.note(w.clients, "end of fault #%d: %s", f.Number, f.What)
					f.end(w)
				})
			}
		})
	}
}

func crashOf(n metadata.NodeID, l loss, d time.Duration) Fault {
	what := fmt.Sprintf("n%d loses its power", n)
	if l == keepsSome {
		what = fmt.Sprintf("n%d is killed", n)
	}
	return Fault{What: what, For: d,
		begin: func(w *World) { w.crash(w.machines[n], l, what) },
		end:   func(w *World) { w.start(w.machines[n]) },
	}
}

func blackout(d time.Duration) Fault {
	return Fault{What: "all nodes lose their power", For: d,
		begin: func(w *World) {
			for _, n := range w.order {
				w.crash(w.machines[n], keepsNone, "blackout")
			}
		},
		end: func(w *World) {
			for _, n := range w.order {
				w.after(w.upTo(2*time.Second), func() { w.start(w.machines[n]) })
			}
		},
	}
}

// split parts the machines into two sides that cannot talk.
func split(w *World, there []metadata.NodeID, d time.Duration) Fault {
	side := make(map[metadata.NodeID]bool)
	for _, n := range there {
		side[n] = w.chance(2)
	}
	each := func(w *World, by int) {
		for _, a := range there {
			for _, b := range there {
				if a != b && side[a] != side[b] {
					w.sever(a, b, by)
				}
			}
		}
	}
	return Fault{What: fmt.Sprintf("the network is split: %v", side), For: d, begin: func(w *World) { each(w, 1) }, end: func(w *World) { each(w, -1) }}
}

func oneWay(a, b metadata.NodeID, d time.Duration) Fault {
	return Fault{What: fmt.Sprintf("nothing of n%d reaches n%d", a, b), For: d,
		begin: func(w *World) { w.sever(a, b, 1) }, end: func(w *World) { w.sever(a, b, -1) }}
}

// flapping cuts a machine off and connects it again, several times.
func flapping(n metadata.NodeID, d time.Duration) Fault {
	const times = 6
	return Fault{What: fmt.Sprintf("the network of n%d flaps", n), begin: func(w *World) {
		for i := range times {
			begin := d * time.Duration(i) / times
			end := begin + w.upTo(d/times)
			w.after(begin, func() {
				if !w.healed {
					w.after(end-begin, w.isolate(n))
				}
			})
		}
	}}
}

func noisy(n noise, d time.Duration) Fault {
	return Fault{What: fmt.Sprintf("the network is bad: %+v", n), For: d,
		begin: func(w *World) { w.network.noise = append(w.network.noise, n) },
		end: func(w *World) {
			for i, other := range w.network.noise {
				if other == n {
					w.network.noise = append(w.network.noise[:i:i], w.network.noise[i+1:]...)
					return
				}
			}
		},
	}
}

func slowDisk(n metadata.NodeID, d time.Duration) Fault {
	return Fault{What: fmt.Sprintf("the disk of n%d is slow", n), For: d,
		begin: func(w *World) { w.machines[n].disk.slow = true }, end: func(w *World) { w.machines[n].disk.slow = false }}
}

// fullDisk has every write fail: the process ends, and comes back when there is room.
func fullDisk(n metadata.NodeID, d time.Duration) Fault {
	return Fault{What: fmt.Sprintf("the disk of n%d is full", n), For: d,
		begin: func(w *World) {
			w.machines[n].excused = true
			w.machines[n].disk.fill(true)
		},
		end: func(w *World) {
			w.machines[n].disk.fill(false)
			w.start(w.machines[n])
		},
	}
}

// stumbling has machines die again and again right after they started, in the middle of elections.
func stumbling(w *World, d time.Duration) Fault {
	times := 4 + w.pick(8)
	return Fault{What: fmt.Sprintf("nodes are killed and started %d times", times), begin: func(w *World) {
		for range times {
			at, n := w.upTo(d/2), w.machines[w.order[w.pick(len(w.order))]]
			w.after(at, func() {
				if w.healed || n.process == nil {
					return
				}
				w.crash(n, loss(w.pick(2)), "it stumbles")
				w.after(w.upTo(30*time.Millisecond), func() { w.start(n) })
			})
		}
	}}
}

// transfers has leaders hand their leaderships over, again and again.
func transfers(d time.Duration) Fault {
	return Fault{What: "leaderships are handed around", begin: func(w *World) {
		for range 6 {
			w.after(w.upTo(d), func() {
				m := w.machines[w.order[w.pick(len(w.order))]]
				if w.healed || m.process == nil || m.process.node == nil || m.process.paused {
					return
				}
				p := m.process
				w.within(p, func() {
					for _, at := range w.partitions() {
						part := p.node.Image().Partition(at.topic, at.number)
						if part == nil {
							continue
						}
						if ref := p.node.Replica(part.Shard); ref != nil {
							ref.Send(&replica.Transfer{})
						}
					}
				})
			})
		}
	}}
}

// deaf has clients lose connections, and with them the answers under way.
func deaf(permille int, d time.Duration) Fault {
	return Fault{What: fmt.Sprintf("%d in 1000 answers to clients are lost", permille), For: d,
		begin: func(w *World) { w.load.deaf = permille }, end: func(w *World) { w.load.deaf = 0 }}
}

// rot damages what one disk holds of partitions: a bit flips, or entries vanish. In one world it is
// always the same disk, so that a majority of every shard stays whole. The machine loses its power
// with it.
func rot(w *World, d time.Duration) Fault {
	n := w.victim()
	vanish, near := w.chance(2), w.chance(2)
	what := fmt.Sprintf("bits flip on the disk of n%d", n)
	if vanish {
		what = fmt.Sprintf("entries vanish from the disk of n%d", n)
	}
	return Fault{What: what, For: d,
		begin: func(w *World) {
			w.crash(w.machines[n], keepsNone, what)
			w.damage(w.machines[n], vanish, near)
		},
		end: func(w *World) { w.start(w.machines[n]) },
	}
}
