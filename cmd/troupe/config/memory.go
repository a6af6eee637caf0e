package config

import (
	"errors"
	"fmt"
	"math"
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

// MemoryOfEach is the memory in bytes of each of so many nodes on this machine: what was given,
// else an equal part of what one node would take, at least what it needs; 0 if the machine does not
// tell.
func MemoryOfEach(given string, nodes int) (int64, error) {
	if given != "" {
		n, err := parseMemory(given)
		if err == nil {
			err = memory(given)
		}
		return n, err
	}
	machine := MachineMemory()
	if machine == 0 {
		return 0, nil
	}
	return max(machine/3/int64(max(nodes, 1)), leastMemory), nil
}
