// Package supervisor places partitions and leaders evenly over the nodes: pure planning, and the
// actor that runs it where __meta leads.
package supervisor
