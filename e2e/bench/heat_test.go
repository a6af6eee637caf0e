package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSixHeatsHaveAllOrdersOfThree(t *testing.T) {
	seen := map[string]bool{}
	for heat := range 6 {
		o := order([]string{"A", "B", "C"}, heat)
		seen[strings.Join(o, "")] = true
		if slices.Sort(o); !slices.Equal(o, []string{"A", "B", "C"}) {
			t.Fatalf("heat %d: %v", heat, o)
		}
	}
	if len(seen) != 6 {
		t.Fatalf("orders of six heats: %v", seen)
	}
	if o := order([]string{"A"}, 3); !slices.Equal(o, []string{"A"}) {
		t.Fatalf("alone: %v", o)
	}
}

// Names of rows are keys of what a file holds, and those of groups say which order is next.
func TestNamesOfRowsAndGroupsAreUnique(t *testing.T) {
	rows, groups := rowNames(allRows()), []string{}
	for _, g := range groupsOfLoad {
		groups = append(groups, g.name)
	}
	for _, names := range [][]string{rows, groups} {
		if all := slices.Sorted(slices.Values(names)); len(slices.Compact(all)) != len(names) {
			t.Errorf("%v", names)
		}
	}
}

func TestAFileKeepsItsHeats(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kafka.json")
	d := &Duel{}
	if err := d.load(path); err != nil {
		t.Fatalf("no file yet: %v", err)
	}
	d.Heats = append(d.Heats, &Heat{When: time.Unix(1, 0).UTC(), Group: "flood", Turns: []*Turn{{kafkaName, map[string]*Sample{"flood": {Records: 2}}}}}, &Heat{Group: "calm"})
	if err := save(path, d); err != nil {
		t.Fatal(err)
	}
	again := &Duel{}
	if err := again.load(path); err != nil {
		t.Fatal(err)
	}
	if again.heatsOf("flood") != 1 || again.heatsOf("calm") != 1 || again.Heats[0].Turns[0].Samples["flood"].Records != 2 {
		t.Fatalf("%+v", again)
	}
}

func TestAFileMeasuredInAnotherWayIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kafka.json")
	if err := os.WriteFile(path, []byte(`{"turns": [{"contestant": "Kafka"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := new(Duel).load(path); err == nil || !strings.Contains(err.Error(), "begin another file") {
		t.Fatalf("%v", err)
	}
}
