package hostile

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// TestHostile sends a part of all hostile requests, the same each time, so that it fails for what
// was changed only. E2E_SEED chooses others, and the whole of it is `task hostile`.
func TestHostile(t *testing.T) {
	if _, err := cluster.Anonymous(os.Getpid()); err != nil {
		t.Skipf("this system does not tell what a process uses: %v", err)
	}
	seed := uint64(20788)
	if s, err := strconv.ParseUint(os.Getenv("E2E_SEED"), 10, 64); err == nil {
		seed = s
	}
	w, target := Node(t)
	// the machine may be busy
	limits := Limits{Answer: 20 * time.Second, Memory: Memory * 3 / 2, Settle: time.Minute}
	report, err := Run(t.Context(), w, target, limits, Plan{Seed: seed, Cases: 3000, For: time.Minute, Clients: 4, Say: t.Logf})
	t.Logf("%+v", report)
	if err != nil {
		t.Errorf("E2E_SEED=%d: %v", seed, err)
	}
}

// Every field of every request is found, and a request with any of them at any extreme can be made:
// a field that is not found would not be tried, and nobody would miss it.
func TestEveryFieldIsTried(t *testing.T) {
	w := World{Topic: "t", Batch: honest()}
	singles := w.Singles("")
	tried := make(map[string]bool)
	for _, c := range singles {
		tried[c.shape.String()+c.settings[0].field.path] = true
	}
	for _, s := range shapes() {
		for _, f := range s.fields {
			if !tried[s.String()+f.path] {
				t.Errorf("%s: %s is not tried", s, f.path)
			}
		}
	}
	if len(singles) < 10_000 {
		t.Errorf("only %d single extremes", len(singles))
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		if p := Pair(random, singles); len(p.settings) != 2 || p.settings[0].field.path == p.settings[1].field.path {
			t.Errorf("a pair is %s", p)
		}
	}
}
