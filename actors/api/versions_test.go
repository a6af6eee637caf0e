package api

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The table is in order, and ApiVersions tells what it says.
func TestWhatIsAdvertisedIsHandled(t *testing.T) {
	table := NewTable(&operated{}, nil, slog.New(slog.DiscardHandler))
	if len(table.versions) != len(apis) || len(table.handlers) != len(apis) {
		t.Fatalf("%d rows, %d handlers, and %d are advertised", len(apis), len(table.handlers), len(table.versions))
	}
	for i, a := range apis {
		told := table.versions[i]
		switch {
		case a.Min > a.Max || a.Key == kmsg.Produce && (a.Advertised() != 0 || a.Min != 3):
			t.Errorf("%s: %d to %d, advertised from %d (see KAFKA-18659)", a.Key.Name(), a.Min, a.Max, a.Advertised())
		case i > 0 && apis[i-1].Key >= a.Key:
			t.Errorf("%s stands after %s", a.Key.Name(), apis[i-1].Key.Name())
		case told.ApiKey != int16(a.Key) || told.MinVersion != a.Advertised() || told.MaxVersion != a.Max:
			t.Errorf("%s: %+v is advertised", a.Key.Name(), told)
		case a.Max > kmsg.RequestForKey(int16(a.Key)).MaxVersion():
			t.Errorf("%s: version %d is not known to kmsg", a.Key.Name(), a.Max)
		case !table.Speaks(int16(a.Key), a.Min) || table.Speaks(int16(a.Key), a.Min-1) || table.Speaks(int16(a.Key), a.Max+1):
			t.Errorf("%s is spoken in other versions than %d to %d", a.Key.Name(), a.Min, a.Max)
		}
	}
}

var update = flag.Bool("update", false, "write the table of APIs into docs/compatibility.md")

// docs/compatibility.md has the table as it is; -update writes it.
func TestTheTableIsDocumented(t *testing.T) {
	const file, begin, end = "../../docs/compatibility.md", "<!-- the table of actors/api, written by its tests -->\n", "<!-- end -->\n"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	said, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatalf("%s has no place for the table: %q, %q", file, begin, end)
	}
	want := documented()
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if said != want {
		t.Errorf("%s says otherwise than the table: go test ./actors/api -run %s -update\n%s", file, t.Name(), want)
	}
}

// documented is the table in Markdown.
func documented() string {
	text := "| key | API | versions | needs | for parts |\n|---|---|---|---|---|\n"
	for _, a := range apis {
		text += fmt.Sprintf("| %d | %s | %d-%d | %s | %s |\n", a.Key, a.Key.Name(), a.Min, a.Max, rights(a.Needs), rights(a.Also))
	}
	return text
}

// rights are needs in words.
func rights(needs []Need) string {
	var all []string
	for _, n := range needs {
		var one []string
		for _, r := range n {
			one = append(one, r.String())
		}
		all = append(all, strings.Join(one, " or "))
	}
	return strings.Join(all, ", ")
}

// kafka44 is what a broker of Apache Kafka 4.4.0 with default settings answers to ApiVersions
// (key:lowest-highest); telemetry (71, 72) only with a receiver.
const kafka44 = "0:0-13 1:4-18 2:1-11 3:0-13 8:2-10 9:1-10 10:0-6 11:0-9 12:0-4 13:0-5 14:0-5 15:0-6 16:0-5 17:0-1 18:0-5 19:2-7 20:1-6 " +
	"21:0-2 22:0-5 23:2-4 24:0-5 25:0-4 26:0-5 27:1-2 28:0-6 29:1-3 30:1-3 31:1-3 32:1-4 33:0-2 34:1-2 35:1-5 36:0-2 37:0-3 38:1-3 39:1-2 " +
	"40:1-2 41:1-3 42:0-3 43:0-2 44:0-1 45:0-1 46:0-0 47:0-0 48:0-1 49:0-1 50:0-0 51:0-0 55:0-2 57:0-2 60:0-2 61:0-0 64:0-0 65:0-0 66:0-2 " +
	"68:0-1 69:0-1 74:0-1 75:0-0 76:1-1 77:1-1 78:1-2 79:1-2 80:0-1 81:0-0 83:0-0 84:0-0 85:0-1 86:0-0 87:0-1 88:0-1 89:0-1 90:0-1 91:0-0 " +
	"92:0-0 93:0-0 94:0-0"

// absent are the APIs of Kafka 4.4 that Troupe does not have, and why.
var absent = map[string][]int16{
	"transactions":                    {24, 25, 26, 27, 28, 65},
	"SASL":                            {51},
	"quotas":                          {49},
	"groups of the consumer protocol": {68, 69},
	"share groups":                    {76, 77, 78, 79, 83, 84, 85, 86, 87, 90, 91, 92},
	"streams groups":                  {88, 89, 93},
	"controllers apart from brokers":  {94},
}

// Each API is spoken in just the versions that Kafka 4.4 speaks it in.
func TestVersionsAreKafkas(t *testing.T) {
	missing := make(map[int16]string)
	for why, keys := range absent {
		for _, key := range keys {
			missing[key] = why
		}
	}
	known := make(map[int16]bool)
	for item := range strings.FieldsSeq(kafka44) {
		var key, low, high int16
		if _, err := fmt.Sscanf(item, "%d:%d-%d", &key, &low, &high); err != nil {
			t.Fatal(err)
		}
		known[key] = true
		got := Versions(kmsg.Key(key))
		has := got != nil
		switch why, out := missing[key]; {
		case has && out:
			t.Errorf("%s is spoken, and said to be absent: %s", kmsg.NameForKey(key), why)
		case !has && !out:
			t.Errorf("%s is not spoken, and not said to be absent", kmsg.NameForKey(key))
		case has && (got.Advertised() != low || got.Max != high):
			t.Errorf("%s: %d to %d, want %d to %d", kmsg.NameForKey(key), got.Advertised(), got.Max, low, high)
		}
	}
	for _, a := range apis {
		if !known[int16(a.Key)] {
			t.Errorf("%s is spoken, and not by Kafka", a.Key.Name())
		}
	}
}
