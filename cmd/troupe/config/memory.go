package config

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// leastMemory is what a node needs for the largest request and its tables.
const leastMemory = 256 << 20

// memory checks the setting of that name.
func memory(v string) error {
	if v == "" {
		return nil
	}
	n, err := parseMemory(v)
	if err == nil && n < leastMemory {
		err = fmt.Errorf("a node needs at least %d MiB", leastMemory>>20)
	}
	return err
}

// parseMemory reads a number of bytes with or without a unit.
func parseMemory(v string) (int64, error) {
	number, shift := v, 0
	for unit, s := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30, "TiB": 40} {
		if rest, ok := strings.CutSuffix(v, unit); ok {
			number, shift = rest, s
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64>>shift {
		return 0, errors.New("must be a whole number of bytes, or one with KiB, MiB, GiB or TiB behind it")
	}
	return n << shift, nil
}

// machineMemory is the memory of the machine, or what its container may use of it; 0 where the system does not tell.
func machineMemory(meminfo, limit string) int64 {
	total := int64(0)
	text, _ := os.ReadFile(meminfo)
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "MemTotal:" {
			kib, _ := strconv.ParseInt(f[1], 10, 64)
			total = kib << 10
		}
	}
	text, _ = os.ReadFile(limit)
	if most, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && (total == 0 || most < total) {
		return most
	}
	return total
}
