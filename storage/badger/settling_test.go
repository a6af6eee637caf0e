package badger

import (
	"testing"

	"github.com/dgraph-io/badger/v4"
)

// The deletions of a memtable have arrived when its table has left level 0, whatever else is there
// by then.
func TestDeletionsHaveArrived(t *testing.T) {
	tables := func(fresh ...uint64) (all []badger.TableInfo) {
		for _, id := range fresh {
			all = append(all, badger.TableInfo{ID: id})
		}
		return append(all, badger.TableInfo{ID: 100, Level: 6})
	}
	var w settling
	for _, step := range []struct {
		what   string
		gone   bool
		tables []badger.TableInfo
		want   bool
	}{
		{"the memtable is being filled", false, tables(), false},
		{"another is compacted meanwhile", false, tables(1), false},
		{"it is flushed, both tables are fresh", true, tables(1, 2), false},
		{"the first is compacted, the next one is flushed", true, tables(2, 3), false},
		{"its table is compacted, newer ones are not", true, tables(3, 4), true},
	} {
		if got := w.look(step.gone, step.tables); got != step.want {
			t.Errorf("%s: %v, want %v", step.what, got, step.want)
		}
	}
	var quick settling
	if !quick.look(true, tables()) {
		t.Error("flushed and compacted before anybody looked: not arrived")
	}
}
