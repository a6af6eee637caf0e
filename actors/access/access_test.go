package access

import "testing"

// only allows one operation.
type only Operation

func (o only) Allows(_ Client, asked Operation, _ Resource) bool { return asked == Operation(o) }
func (o only) AllowsAny(Client, Operation, Kind) bool            { return false }

// The bits were compared with Kafka 4.4.
func TestOperations(t *testing.T) {
	for r, want := range map[Resource]int32{{Topic, "t"}: 3576, TheCluster: 8096, {Group, "g"}: 1<<Read | 1<<Delete | 1<<Describe | 1<<DescribeConfigs | 1<<AlterConfigs} {
		if got := Operations(Open{}, Client{}, r); got != want {
			t.Errorf("of %v: %d, want %d", r, got, want)
		}
	}
	if got := Operations(only(Write), Client{}, Resource{Topic, "t"}); got != 1<<Write {
		t.Errorf("who may write only is told %d", got)
	}
	if got := Operations(only(Write), Client{}, Resource{Group, "g"}); got != 0 {
		t.Errorf("of a group, which nobody writes, %d is told", got)
	}
}

func TestNames(t *testing.T) {
	for kind, all := range operations {
		for _, o := range all {
			if o.String() == "" || kind.String() == "" {
				t.Errorf("operation %d on kind %d has no name", o, kind)
			}
		}
	}
	if got := Anonymous.String(); got != "User:ANONYMOUS" {
		t.Error(got)
	}
}
