package config_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/cmd/troupe/config"
	"github.com/troupe-mq/troupe/raft/metadata"
)

var update = flag.Bool("update", false, "write docs/operate/configuration.md")

const page = "../../../docs/operate/configuration.md"

// groups are the headings of the page, in order.
var groups = []string{"Node", "Cluster", "Network", "Disk", "Process", "Telemetry", "Kafka"}

// TestTheDocumentationIsTheSchema compares the page with what the schema says; with -update it
// writes the page.
func TestTheDocumentationIsTheSchema(t *testing.T) {
	for _, s := range config.Settings {
		if !slices.Contains(groups, s.Group) {
			t.Errorf("%s is of the group %q, which the page does not show", s.Name, s.Group)
		}
	}
	want := markdown()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("docs/operate/configuration.md is not what the schema says: go test ./cmd/troupe/config -update")
	}
}

func markdown() string {
	var b strings.Builder
	var unused []string
	b.WriteString(`# Configuration

Generated from the schema (` + "`cmd/troupe/config`, `raft/metadata`" + `) by ` + "`go test ./cmd/troupe/config -update`" + `.

A setting is a key of troupe.yaml (dotted or nested), a flag of the same name, and a variable. A flag wins over a variable, a variable over the file, the file over the default.
` + "`troupe server --check-config`" + ` says everything that is wrong at once, or prints what counts.
A variable that names no setting is passed over with a warning: Kubernetes sets some for every Service.

A ` + "`server.properties`" + ` of Kafka can be given as the file: what Troupe has by the same name counts, ` + "`log.dirs`" + ` is ` + "`data.dir`" + `,
` + "`controller.quorum.voters`" + ` is ` + "`peers`" + `, listeners of controllers are left out, and what has no effect is named in a warning.
`)
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n| setting | variable | default | |\n|---|---|---|---|\n", group)
		for _, s := range config.Settings {
			if s.Group == group {
				fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s |\n", s.Name, s.Env(), code(defaultOf(s)), cell(s.Doc))
			}
		}
	}
	b.WriteString("\n## Kafka's other settings\nBy Kafka's names: a key of the file, --set name=value, or a variable (log.retention.ms: TROUPE_LOG_RETENTION_MS).\n\n| setting | default | |\n|---|---|---|\n")
	for _, c := range metadata.BrokerConfigs {
		if c.Unused {
			unused = append(unused, "`"+c.Name+"`")
		} else if _, ok := config.Find(c.Name); !ok {
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", c.Name, code(c.Default), cell(c.Doc))
		}
	}
	fmt.Fprintf(&b, "\nTaken without effect, for Kafka's tools and files: %s.\n", strings.Join(unused, ", "))
	b.WriteString("\n## Topics\nSet with CreateTopics and IncrementalAlterConfigs (`kafka-configs.sh`); the last column is the broker setting that a topic without its own follows.\n\n| setting | default | | broker setting |\n|---|---|---|---|\n")
	for _, c := range metadata.TopicConfigs {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c.Name, code(c.Default), cell(c.Doc), code(c.Broker))
	}
	return b.String()
}

func defaultOf(s config.Setting) string {
	for _, c := range metadata.BrokerConfigs {
		if s.Kafka && c.Name == s.Name {
			return c.Default
		}
	}
	return s.Default
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + s + "`"
}

func cell(s string) string { return strings.ReplaceAll(s, "|", "\\|") }
