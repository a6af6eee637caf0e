package api

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// What is handled is what protocol reads, version by version, and both are what ApiVersions tells.
func TestWhatIsAdvertisedIsHandled(t *testing.T) {
	table := NewTable(&operated{}, nil, slog.New(slog.DiscardHandler))
	advertised := map[int16]kmsg.ApiVersionsResponseApiKey{}
	for _, v := range table.versions {
		advertised[v.ApiKey] = v
	}
	for key := range kmsg.Key(kmsg.MaxKey + 1) {
		known, read := protocol.Versions(key)
		handled, is := table.handlers[int16(key)]
		told, advertises := advertised[int16(key)]
		switch {
		case !read && !is && !advertises:
		case read != is || is != advertises:
			t.Errorf("%s: read %t, handled %t, advertised %t", key.Name(), read, is, advertises)
		case known.Min != handled.min || known.Max != handled.max || known.Advertised != told.MinVersion || known.Max != told.MaxVersion:
			t.Errorf("%s: read %d to %d, handled %d to %d, advertised %d to %d", key.Name(), known.Min, known.Max, handled.min, handled.max, told.MinVersion, told.MaxVersion)
		case handled.max > kmsg.RequestForKey(int16(key)).MaxVersion():
			t.Errorf("%s: version %d is not known to kmsg", key.Name(), handled.max)
		}
	}
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
		got, has := protocol.Versions(kmsg.Key(key))
		switch why, out := missing[key]; {
		case has && out:
			t.Errorf("%s is spoken, and said to be absent: %s", kmsg.NameForKey(key), why)
		case !has && !out:
			t.Errorf("%s is not spoken, and not said to be absent", kmsg.NameForKey(key))
		case has && (got.Advertised != low || got.Max != high):
			t.Errorf("%s: %d to %d, want %d to %d", kmsg.NameForKey(key), got.Advertised, got.Max, low, high)
		}
	}
	for key := range kmsg.Key(kmsg.MaxKey + 1) {
		if _, has := protocol.Versions(key); has && !known[int16(key)] {
			t.Errorf("%s is spoken, and not by Kafka", key.Name())
		}
	}
}
