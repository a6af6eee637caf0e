// Package telemetry makes of what can be observed of a node what OpenTelemetry carries: metrics at
// /metrics and over OTLP, and the spans of sampled requests over OTLP. It is the only package that
// knows OpenTelemetry.
//
// A metric is a family: its name, unit, labels, what it means, and how it is read from a
// node.Observation. An observation is gathered when somebody scrapes; in between nothing but plain
// counters and histograms at the shells is touched. To add a metric: count at the shell, show it in
// node.Observation (its fields are in actors/node/observe), add a line to one of the tables here
// (families), and write the documentation with go test ./actors/telemetry -update.
package telemetry
