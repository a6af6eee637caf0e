package coordination

import (
	"math"
	"unicode/utf16"
)

// PartitionOf returns which of so many partitions a key belongs to, as clients and tools of Kafka
// would name it: Java's String.hashCode, made positive, modulo partitions.
func PartitionOf(key string, partitions int) int32 {
	var h int32
	for _, unit := range utf16.Encode([]rune(key)) {
		h = 31*h + int32(unit)
	}
	return int32(int(h&math.MaxInt32) % partitions)
}
