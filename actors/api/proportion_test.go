//go:build unix

package api

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestManyNamesTakeTimeInProportion: four times as many names take about four times the processor,
// not sixteen times. The processor is measured, not the clock: a busy machine changes nothing.
func TestManyNamesTakeTimeInProportion(t *testing.T) {
	const few = 25_000
	for name, work := range map[string]func(*testing.T, []string){"CreateTopics": createsMany, "a list in a setting": changesMany} {
		t.Run(name, func(t *testing.T) {
			work(t, namesOf(few)) // what is made once is not counted
			once, fourfold := processor(t, work, few), processor(t, work, 4*few)
			t.Logf("%d names take %s, %d take %s", few, once, 4*few, fourfold)
			if limit := 8*once + 200*time.Millisecond; fourfold > limit {
				t.Errorf("%d names take %s of a processor, %d take %s: more than %s", few, once, 4*few, fourfold, limit)
			}
		})
	}
}

func namesOf(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("%06d?", i)
	}
	return names
}

// processor returns what a work costs with so many names: the least of three times.
func processor(t *testing.T, work func(*testing.T, []string), n int) time.Duration {
	t.Helper()
	least := time.Duration(1<<63 - 1)
	for range 3 {
		names := namesOf(n)
		before := used(t)
		work(t, names)
		least = min(least, used(t)-before)
	}
	return least
}

// used is the processor's time that this process has used.
func used(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// createsMany asks for topics whose names are not valid.
func createsMany(t *testing.T, names []string) {
	r := answer[*kmsg.CreateTopicsResponse](t, &bounded{operate(t, 3), 1000}, createTopics, creation(names, 0, 1))
	for _, topic := range r.Topics {
		if topic.ErrorCode != kerr.InvalidTopicException.Code {
			t.Fatalf("%s: %v", topic.Topic, kerr.ErrorForCode(topic.ErrorCode))
		}
	}
}

// changesMany adds all items to a list that has them, and takes all of them away.
func changesMany(t *testing.T, names []string) {
	items := strings.Join(names, ",")
	if got := changeList(items, items, true); got != items {
		t.Error("a list that was given its own items is another one")
	}
	if got := changeList(items, items, false); got != "" {
		t.Error("a list that all items were taken from is not empty")
	}
}
