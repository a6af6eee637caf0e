package journal

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/badger"
	"github.com/troupe-mq/troupe/storage/memory"
)

// told is what became of writes.
type told struct {
	mu      sync.Mutex
	durable []string
	refused []string
}

func (l *told) write(name string, a storage.Append) Write {
	note := func(to *[]string) {
		l.mu.Lock()
		defer l.mu.Unlock()
		*to = append(*to, name)
	}
	return Write{Append: a, Done: func() { note(&l.durable) }, Refused: func(err error) {
		if !refusal(err) {
			panic(err)
		}
		note(&l.refused)
	}}
}

// stores are what a journal writes to.
func stores(t *testing.T) map[string]storage.Store {
	t.Helper()
	b, err := badger.Open(badger.Options{Dir: t.TempDir(), Fatal: func(err error) { panic(err) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return map[string]storage.Store{"memory": memory.New(), "badger": b}
}

// An append that the store refuses is that replica's misfortune: what was merged with it is
// written, in order, and of the replica itself nothing more but that it is not to be trusted.
func TestARefusedAppendHurtsNoOtherShard(t *testing.T) {
	for kind, store := range stores(t) {
		one, two := found(1).State, found(2).State
		two.Shard = 2
		second := found(2)
		second.State.Shard = 2
		// or what follows is merged with it, and nobody hears that a founding append is refused
		founded := make(chan struct{})
		g := []Write{{Append: found(1)}, {Append: second, Done: func() { close(founded) }}}
		j := New(store, Options{Fatal: noFatal(t), GroupBytes: 1 << 30})
		j.Writes(g)
		<-founded
		var l told
		huge := grown(one, 1, make([]byte, storage.MaxEntryBytes+1))
		good := grown(two, 1, []byte("good"))
		hole := grown(huge.State, 1, []byte("behind what is not there"))
		j.Writes([]Write{
			l.write("good", good), l.write("huge", huge), l.write("barrier", storage.Append{}), l.write("hole", hole),
			l.write("distrust", storage.Append{State: storage.State{Shard: 1, Replica: 1}, Distrust: true}),
			l.write("better", grown(good.State, 2, []byte("better"))),
		})
		j.Writes([]Write{l.write("later", grown(one, 1, []byte("later"))), l.write("stranger", storage.Append{State: storage.State{Shard: 9, Replica: 9}, Distrust: true})})
		j.Close()
		if want := []string{"good", "barrier", "distrust", "better"}; !slices.Equal(l.durable, want) {
			t.Errorf("%s: %v are durable, want %v", kind, l.durable, want)
		}
		if want := []string{"huge", "hole", "later", "stranger"}; !slices.Equal(l.refused, want) {
			t.Errorf("%s: %v are refused, want %v", kind, l.refused, want)
		}
		if got := j.Unwritten(); got != 0 {
			t.Errorf("%s: %d bytes count as unwritten", kind, got)
		}
		states, err := store.Replicas()
		if err != nil || len(states) != 1 || states[0].Replica != 2 || states[0].Last.Index != two.Last.Index+3 {
			t.Errorf("%s: the store holds %+v, %v", kind, states, err)
		}
	}
}

// Who cannot be told of a refusal, and a store that failed, end the process as before.
func TestOtherFailuresAreFatal(t *testing.T) {
	for name, w := range map[string]Write{
		"nobody is told": {Append: grown(found(1).State, 1, make([]byte, storage.MaxEntryBytes+1))},
		"the disk":       {Append: found(3), Refused: func(error) {}},
	} {
		store := memory.New()
		if err := store.Write([]storage.Append{found(1)}); err != nil {
			t.Fatal(err)
		}
		if name == "the disk" {
			store.Fail(errors.New("input/output error"))
		}
		var fatal error
		j := New(store, Options{Fatal: func(err error) { fatal = err }})
		w.Done = func() { t.Errorf("%s: acknowledged", name) }
		j.Write(w)
		j.Close()
		if fatal == nil {
			t.Errorf("%s: the process goes on", name)
		}
	}
}
