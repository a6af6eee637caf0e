package operate

import (
	"errors"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft/metadata"
	"github.com/troupe-mq/troupe/storage"
)

// A command that __meta refuses must not keep those after it back, however often it comes; one
// whose outcome is unknown ends the round.
func TestARefusedCommandKeepsNobodyBack(t *testing.T) {
	command := func(s storage.ShardID) metadata.Command {
		return metadata.Command{AlterReplicas: &metadata.AlterReplicas{Shard: s}}
	}
	submit := func(c metadata.Command) (metadata.Result, error) {
		switch c.AlterReplicas.Shard {
		case 1:
			return metadata.Result{Err: protocol.Errorf(kerr.InvalidRequest, "no")}, nil
		case 3:
			return metadata.Result{}, errors.New("timed out")
		}
		return metadata.Result{}, nil
	}
	answers := carryOutAll([]metadata.Command{command(1), command(2), command(3), command(4)}, submit)
	if len(answers) != 2 || answers[0].refusal == nil || answers[1].refusal != nil || answers[1].command.AlterReplicas.Shard != 2 {
		t.Errorf("%+v", answers)
	}
}
