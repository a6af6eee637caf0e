//go:build !unix

package telemetry

// cpuSeconds is the processor time that Go code has used, where the system does not tell of all.
func cpuSeconds() float64 { return sample("/cpu/classes/user:cpu-seconds") }
