package api

import (
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/troupe-mq/troupe/protocol"
)

// A node has one logger, Kafka's root, whose level is a configuration of the resource BROKER_LOGGER
// (KIP-412). It is not stored: after a start it is what log.level says.

// rootLogger is the name of the only logger.
const rootLogger = "root"

// levels are Kafka's names of levels, and ours for each. Kafka has more of them: the next finer one
// counts.
var levels = map[string]string{"TRACE": "debug", "DEBUG": "debug", "INFO": "info", "WARN": "warn", "ERROR": "error", "FATAL": "error"}

// checkLogger tells why a resource is not the logger of this node; nil if it is.
func checkLogger(c Cluster, name string) *protocol.Error {
	id, err := strconv.ParseInt(name, 10, 32)
	switch {
	case name == "":
		return protocol.Errorf(kerr.InvalidRequest, "Broker id must not be empty")
	case err != nil:
		return protocol.Errorf(kerr.InvalidRequest, "Broker id must be an integer, but it is: %s", name)
	case int32(id) != int32(c.Self()):
		return protocol.Errorf(kerr.InvalidRequest, "Unexpected broker id, expected %d but received %d", c.Self(), id)
	}
	return nil
}

// describeLogger tells the level that is logged from on.
func describeLogger(c Cluster, names []string) []kmsg.DescribeConfigsResponseResourceConfig {
	if !asksFor(names, rootLogger) {
		return nil
	}
	level := strings.ToUpper(c.LogLevel())
	out := kmsg.NewDescribeConfigsResponseResourceConfig()
	out.Name, out.Value, out.Source = rootLogger, &level, kmsg.ConfigSourceDynamicBrokerLoggerConfig
	return []kmsg.DescribeConfigsResponseResourceConfig{out}
}

// alterLogger sets the level, or only looks whether it could be set.
func alterLogger(c Cluster, want kmsg.IncrementalAlterConfigsRequestResource, validateOnly bool) error {
	if err := checkLogger(c, want.ResourceName); err != nil {
		return err
	}
	level := ""
	for _, config := range want.Configs {
		var err *protocol.Error
		if level, err = loggerLevel(config); err != nil {
			return err
		}
	}
	if level != "" && !validateOnly {
		c.SetLogLevel(level)
	}
	return nil
}

// loggerLevel reads one operation on the logger.
func loggerLevel(config kmsg.IncrementalAlterConfigsRequestResourceConfig) (string, *protocol.Error) {
	switch {
	case config.Op == kmsg.IncrementalAlterConfigOpAppend || config.Op == kmsg.IncrementalAlterConfigOpSubtract:
		return "", protocol.Errorf(kerr.InvalidRequest, "%s operation is not allowed for the BROKER_LOGGER resource", config.Op)
	case config.Name != rootLogger:
		return "", protocol.Errorf(kerr.InvalidConfig, "Logger %s does not exist!", config.Name)
	case config.Op == kmsg.IncrementalAlterConfigOpDelete:
		return "", protocol.Errorf(kerr.InvalidRequest, "Removing the log level of the root logger is not allowed")
	case config.Value == nil:
		return "", protocol.Errorf(kerr.InvalidRequest, "Null value not supported for : %s", config.Name)
	}
	level, known := levels[*config.Value]
	if !known {
		return "", protocol.Errorf(kerr.InvalidConfig, "Cannot set the log level of %s to %s as it is not a supported log level. "+
			"Valid log levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN", config.Name, *config.Value)
	}
	return level, nil
}
