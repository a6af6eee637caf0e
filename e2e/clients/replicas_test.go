//go:build clients

package clients

import (
	"slices"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
	"github.com/troupe-mq/troupe/e2e/load"
)

// With kafka-python: ten records, exactly these on every replica.
func TestTenRecordsOfKafkaPython(t *testing.T) {
	c := cluster.Start(t, 3)
	cl := python(t, c, "kafka-python", "kafka_python.py", python3(t), append([]string{kafkaPythonNewest}, kafkaPythonExtras...)...)
	c.CreateTopic("ten", 1, 3)
	records := makeRecords("none", 10)
	run(t, cl.produce("ten", "none"), lines(records))
	var got, want []string
	for _, s := range load.ReadAll(t, c, "ten") {
		got = append(got, s.Value)
	}
	for _, r := range records {
		want = append(want, r.value)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the topic holds %q, want %q", got, want)
	}
	c.WaitReplicas("ten", 0, 10)
}
