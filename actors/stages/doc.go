// Package stages measures where the time of a node's produce requests goes. A Clock has one
// Histogram for every stage of the way; what a histogram held at two moments, subtracted, is what
// happened in between, and those of several nodes add up.
//
// Measuring is for every request and costs a few atomic additions; nothing here waits or allocates.
package stages
