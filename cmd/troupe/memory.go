package main

import (
	"log/slog"
	"os"
	"runtime/debug"
)

// limitMemory has Go collect garbage in time for the process to stay within its memory, unless the
// environment says how. A tenth is left for what Go does not count: stacks of the kernel, buffers
// of sockets.
func limitMemory(bytes int64, log *slog.Logger) {
	if bytes == 0 || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	debug.SetMemoryLimit(bytes - bytes/10)
	log.Info("memory", "limit_mib", bytes>>20)
}
