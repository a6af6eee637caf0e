package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// another is a valid value that is not the default, by setting.
var another = map[string]string{
	"node.id": "7", "data.dir": "/d", "log.level": "warn", "log.format": "json", "shutdown.timeout": "3s",
	"listeners": "A://127.0.0.1:7000", "peers": "1@127.0.0.1:5,7@127.0.0.1:9",
	"advertised.listeners": "PLAINTEXT://h:1",
	"memory":               "1GiB", "disk.free.min.bytes": "1", "disk.free.min.percent": "2.5", "disk.ballast.bytes": "0", "disk.slow.sync": "2s",
	"disk.scrub.interval": "5m", "disk.scrub.bytes.per.second": "1", "rebuild.bytes.per.second": "1",
	"metrics.partitions": "topics", "otlp.endpoint": "http://h:4317", "otlp.protocol": "http", "otlp.metrics.interval": "1s", "trace.ratio": "0.25",
}

func value(s Setting) string {
	if v, ok := another[s.Name]; ok {
		return v
	}
	return "127.0.0.1:4000"
}

func TestEverySettingInAllThreeWaysFlagFirst(t *testing.T) {
	for _, s := range Settings {
		want := value(s)
		file := filepath.Join(t.TempDir(), "troupe.yaml")
		if err := os.WriteFile(file, []byte(s.Name+": "+strings.ReplaceAll(`"V"`, "V", want)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		bad := filepath.Join(t.TempDir(), "bad.yaml")
		if err := os.WriteFile(bad, []byte(s.Name+": loser\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for way, from := range map[string]Sources{
			"file":               {File: file},
			"variable":           {Environ: []string{s.Env() + "=" + want}},
			"flag":               {Flags: map[string]string{s.Flag(): want}},
			"variable over file": {File: bad, Environ: []string{s.Env() + "=" + want}},
			"flag over both":     {File: bad, Environ: []string{s.Env() + "=loser"}, Flags: map[string]string{s.Flag(): want}},
		} {
			c, err := Load(from)
			if err != nil {
				t.Errorf("%s by %s: %v", s.Name, way, err)
			} else if c.effective[s.Name] != want {
				t.Errorf("%s by %s: %q, want %q", s.Name, way, c.effective[s.Name], want)
			}
		}
	}
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	_, err := Load(Sources{
		Environ: []string{"TROUPE_NODE_ID=-1"}, Set: []string{"log.levl=info"},
		Flags: map[string]string{"peers": "x@h:1,2@:3", "listeners": "9092", "data.dir": ""},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"TROUPE_NODE_ID", `did you mean "log.level"?`, `"x@h:1"`, `"2@:3"`, `"9092"`, "data.dir"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %s in:\n%v", want, err)
		}
	}
}

// kafkas is a catalog of one setting that takes one value.
var kafkas = Catalog{
	Known: func(name string) bool { return name == "log.retention.ms" || name == "broker.id" },
	Validate: func(name, value string) error {
		if name == "log.retention.ms" && value != "1" {
			return errors.New("must be 1")
		}
		return nil
	},
}

// A wrong value of a setting that is known is not an unknown setting, wherever it was set; and
// --set is of one piece with the rest.
func TestWrongValuesOfKafkasSettings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "troupe.yaml")
	if err := os.WriteFile(file, []byte("log.retention.ms: 7\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for way, from := range map[string]Sources{
		file:                               {File: file},
		"variable TROUPE_LOG_RETENTION_MS": {Environ: []string{"TROUPE_LOG_RETENTION_MS=7"}},
		"flag --set":                       {Set: []string{"log.retention.ms=7"}},
	} {
		from.Catalog, from.Set = kafkas, append(from.Set, "no.such=1", "nothing")
		_, err := Load(from)
		for _, want := range []string{way + `: log.retention.ms = "7": must be 1`, `flag --set: unknown setting "no.such"`, `flag --set: "nothing" is not name=value`} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("no %s in:\n%v", want, err)
			}
		}
		if err != nil && strings.Contains(err.Error(), `unknown setting "log.retention.ms"`) {
			t.Errorf("a known setting is called unknown:\n%v", err)
		}
	}
	if c, err := Load(Sources{Set: []string{"log.retention.ms=1"}, Catalog: kafkas}); err != nil || c.Kafka["log.retention.ms"] != "1" {
		t.Errorf("a good value: %v", err)
	}
}

// broker.id is what node.id was called before Kafka 3: it is the node's id, and no second one.
func TestBrokerIDIsTheNodesID(t *testing.T) {
	for _, set := range [][]string{{"broker.id=7"}, {"broker.id=7", "node.id=7"}} {
		c, err := Load(Sources{Set: set, Catalog: kafkas})
		if err != nil || c.NodeID != 7 {
			t.Errorf("%q: %+v, %v", set, c, err)
		}
	}
	_, err := Load(Sources{Set: []string{"broker.id=7"}, Environ: []string{"TROUPE_NODE_ID=8"}, Catalog: kafkas})
	if err == nil || !strings.Contains(err.Error(), "broker.id") || !strings.Contains(err.Error(), "TROUPE_NODE_ID") {
		t.Errorf("two ids: %v", err)
	}
}

// A listener whose name promises encryption or passwords must not be served without.
func TestListenersThatPromiseSecurityAreRefused(t *testing.T) {
	for _, name := range []string{"SSL", "SASL_PLAINTEXT", "sasl_ssl"} {
		_, err := Load(Sources{Flags: map[string]string{"listeners": "PLAINTEXT://:9092," + name + "://:9096"}})
		if err == nil || !strings.Contains(err.Error(), name+"://:9096") || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDefaultsFollowTheKafkaPort(t *testing.T) {
	c, err := Load(Sources{})
	if err != nil {
		t.Fatal(err)
	}
	if c.ControlListen != "127.0.0.1:9093" || c.BulkListen != "127.0.0.1:9095" || c.MetricsListen != ":9094" {
		t.Errorf("%+v", c)
	}
	if l := c.Listeners[0]; l.AdvertisedHost != "localhost" || l.AdvertisedPort != 9092 {
		t.Errorf("%+v", l)
	}
	c, err = Load(Sources{Flags: map[string]string{"node.id": "2", "peers": "1@127.0.0.1:9093,2@127.0.0.1:9103/9999"}})
	if err != nil {
		t.Fatal(err)
	}
	if c.Peers[1].Bulk != "127.0.0.1:9095" || c.BulkAdvertised != "127.0.0.1:9999" || c.ControlListen != ":9103" {
		t.Errorf("%+v", c)
	}
}

// A port that follows the first listener's can be beyond the last one there is, and one that is set
// can be taken by another setting: both are said once, by the name of the setting to change.
func TestPortsThatCannotBe(t *testing.T) {
	for _, c := range []struct {
		flags map[string]string
		want  []string
	}{
		{map[string]string{"listeners": "PLAINTEXT://:65534"}, []string{
			`bulk.listen: no port can be derived from the first listener's (port of "127.0.0.1:65537" must be 1 to 65535): set bulk.listen`,
			`metrics.listen: no port can be derived from the first listener's (port of ":65536" must be 1 to 65535): set metrics.listen`,
		}},
		{map[string]string{"bulk.listen": ":0"}, []string{`flag --bulk.listen: bulk.listen: port of ":0" must be 1 to 65535`}},
		{map[string]string{"bulk.listen": ":9093"}, []string{`control.listen: "127.0.0.1:9093" and bulk.listen's ":9093" are the same port`}},
		{map[string]string{"metrics.listen": "10.0.0.1:9092"}, []string{`flag --metrics.listen: metrics.listen: "10.0.0.1:9092" and listeners's ":9092" are the same port`}},
		{map[string]string{"metrics.listen": "127.0.0.2:9093"}, nil},
	} {
		_, err := Load(Sources{Flags: c.flags})
		var said []string
		if err != nil {
			said = strings.Split(err.Error(), "\n")
		}
		if len(said) != len(c.want) {
			t.Errorf("%v: %q", c.flags, said)
			continue
		}
		for at, want := range c.want {
			if !strings.Contains(said[at], want) {
				t.Errorf("%v: %q, want %q", c.flags, said[at], want)
			}
		}
	}
}

func TestSeveralNodesToJoinAt(t *testing.T) {
	c, err := Load(Sources{Flags: map[string]string{"node.id": "4", "join": "a:9093, b:9103"}})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Join, []string{"a:9093", "b:9103"}) {
		t.Errorf("%q", c.Join)
	}
	if _, err := Load(Sources{Flags: map[string]string{"node.id": "4", "join": "a:9093,b"}}); err == nil || !strings.Contains(err.Error(), "join") {
		t.Errorf("an address without a port: %v", err)
	}
}

// An IPv6 host is written in brackets and served like any other; what is no address is said to be
// none.
func TestIPv6Listeners(t *testing.T) {
	c, err := Load(Sources{Flags: map[string]string{"listeners": "PLAINTEXT://[::1]:7000"}})
	if err != nil {
		t.Fatal(err)
	}
	l := c.Listeners[0]
	if l.Listen != "[::1]:7000" || l.AdvertisedHost != "::1" || c.ControlListen != "[::1]:7001" || c.MetricsListen != "[::1]:7002" {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{"PLAINTEXT://::1:7000", "PLAINTEXT://[zz::1]:7000", "PLAINTEXT://[::1]"} {
		if _, err := Load(Sources{Flags: map[string]string{"listeners": bad}}); err == nil || !strings.Contains(err.Error(), "IPv6") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Variables that name no setting are passed over with a warning: in a pod beside a Service named
// troupe, Kubernetes sets a dozen of them.
func TestUnknownVariablesAreWarnedOf(t *testing.T) {
	for _, variable := range []string{
		"TROUPE_SERVICE_HOST=10.0.0.1", "TROUPE_SERVICE_PORT=9092", "TROUPE_PORT=tcp://10.0.0.1:9092",
		"TROUPE_PORT_9092_TCP_ADDR=10.0.0.1", "TROUPE_SERVICE_PORT_KAFKA=9092", "TROUPE_LOG_LEVL=info",
	} {
		name, _, _ := strings.Cut(variable, "=")
		c, err := Load(Sources{Environ: []string{variable}})
		if err != nil {
			t.Errorf("%s: %v", variable, err)
		} else if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], name+" ") {
			t.Errorf("%s: the warnings are %q", variable, c.Warnings)
		}
	}
}

// What is secret is not shown with the rest of what counts.
func TestSecretsAreNotShown(t *testing.T) {
	c, err := Load(Sources{Flags: map[string]string{"admin.token": "opensesame"}})
	if err != nil {
		t.Fatal(err)
	}
	if out := c.String(); strings.Contains(out, "opensesame") || !strings.Contains(out, "# admin.token is set") {
		t.Errorf("shown:\n%s", out)
	}
	if c.AdminToken != "opensesame" {
		t.Errorf("the token is %q", c.AdminToken)
	}
}
