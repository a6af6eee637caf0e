package metadata

import (
	"math"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// Config describes one of Kafka's settings: of a topic or of a broker.
type Config struct {
	Name    string
	Type    kmsg.ConfigType
	Default string
	Doc     string
	// Broker is, for a topic's setting, the broker setting that is its default for the cluster; empty
	// if there is none.
	Broker string
	// ReadOnly broker settings are given when the node is started and cannot be altered.
	ReadOnly bool
	// Unused broker settings are accepted for Kafka's tools and files, and read by nothing.
	Unused bool
	// Check tells why a value may not be set; nil if it may.
	Check func(value string) *protocol.Error
}

// limits returns a check for whole numbers between two bounds.
func limits(name string, low, high int64) func(string) *protocol.Error {
	return func(value string) *protocol.Error {
		n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
		if err != nil {
			return protocol.Errorf(kerr.InvalidConfig, "Invalid value %s for configuration %s: Not a number of type LONG or INT", value, name)
		}
		if n < low || n > high {
			return protocol.Errorf(kerr.InvalidConfig, "Invalid value %s for configuration %s: Value must be between %d and %d", value, name, low, high)
		}
		return nil
	}
}

// oneOf returns a check for one of some words; list allows several behind commas.
func oneOf(name string, list bool, words ...string) func(string) *protocol.Error {
	return func(value string) *protocol.Error {
		parts := []string{value}
		if list {
			parts = strings.Split(value, ",")
		}
		for _, part := range parts {
			if !contains(words, strings.TrimSpace(part)) {
				return protocol.Errorf(kerr.InvalidConfig, "Invalid value %s for configuration %s: String must be one of: %s", value, name, strings.Join(words, ", "))
			}
		}
		return nil
	}
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func share(name string) func(string) *protocol.Error {
	return func(value string) *protocol.Error {
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || f < 0 || f > 1 {
			return protocol.Errorf(kerr.InvalidConfig, "Invalid value %s for configuration %s: Value must be between 0 and 1", value, name)
		}
		return nil
	}
}

func positive(name string) func(string) *protocol.Error {
	return func(value string) *protocol.Error {
		f, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || f <= 0 {
			return protocol.Errorf(kerr.InvalidConfig, "Invalid value %s for configuration %s: Value must be larger than 0", value, name)
		}
		return nil
	}
}

func anything(string) *protocol.Error { return nil }

func long(name, value, broker string, low, high int64, doc string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeLong, Default: value, Broker: broker, Doc: doc, Check: limits(name, low, high)}
}

func integer(name, value, broker string, low int64, doc string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeInt, Default: value, Broker: broker, Doc: doc, Check: limits(name, low, math.MaxInt32)}
}

func number(name, value, doc string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeDouble, Default: value, Doc: doc, Check: positive(name)}
}

func boolean(name, value, broker, doc string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeBoolean, Default: value, Broker: broker, Doc: doc, Check: oneOf(name, false, "true", "false")}
}

func word(name, value, broker, doc string, words ...string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeString, Default: value, Broker: broker, Doc: doc, Check: oneOf(name, false, words...)}
}

func words(name, value, broker, doc string, all ...string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeList, Default: value, Broker: broker, Doc: doc, Check: oneOf(name, true, all...)}
}

func text(name, value, broker, doc string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeString, Default: value, Broker: broker, Doc: doc, Check: anything}
}

// maxValue is the longest value of a setting, in bytes: what a string of Kafka's older versions
// holds. Every node keeps the settings of all topics in memory.
const maxValue = math.MaxInt16

// bounded returns a check that refuses longer values before it looks at them.
func bounded(name string, check func(string) *protocol.Error) func(string) *protocol.Error {
	return func(value string) *protocol.Error {
		if len(value) > maxValue {
			return protocol.Errorf(kerr.InvalidConfig, "The value for configuration %s has %d bytes, more than %d", name, len(value), maxValue)
		}
		return check(value)
	}
}

func list(name, value, doc string) Config {
	return Config{Name: name, Type: kmsg.ConfigTypeList, Default: value, Doc: doc, Check: anything}
}

func byName(all []Config) map[string]*Config {
	m := make(map[string]*Config, len(all))
	for i := range all {
		all[i].Check = bounded(all[i].Name, all[i].Check)
		m[all[i].Name] = &all[i]
	}
	return m
}
