package coordination

import "testing"

// The partitions are those that Kafka's clients and tools would name: Utils.abs(groupId.hashCode())
// % partitions in Java.
func TestPartitionOf(t *testing.T) {
	for key, want := range map[string]int32{
		"":                   0,
		"a":                  97 % 50,
		"group":              98629247 % 50,
		"polygenelubricants": 0, // its hash is the smallest int, whose absolute value Kafka takes for 0
		"größe-\U0001F600":   21,
	} {
		if got := PartitionOf(key, 50); got != want {
			t.Errorf("%q: partition %d, want %d", key, got, want)
		}
	}
}
