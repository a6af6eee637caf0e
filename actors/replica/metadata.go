package replica

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/troupe-mq/troupe/protocol"
	"github.com/troupe-mq/troupe/raft"
	"github.com/troupe-mq/troupe/raft/metadata"
)

// commands is the content of __meta: commands in, images out.
type commands struct {
	machine   *metadata.Machine
	published func(*metadata.Image)

	taken []*Command        // since the last propose
	sent  []*Command        // of the last propose
	inLog []commandPosition // waiting to be applied, in order of index
}

type commandPosition struct {
	index   uint64
	command *Command
}

func (c *commands) opened(uint64) { c.published(c.machine.Image()) }

func (c *commands) lead(uint64) {}

func (c *commands) request(m any) bool {
	command, ok := m.(*Command)
	if ok {
		c.taken = append(c.taken, command)
	}
	return ok
}

func (c *commands) propose() [][]byte {
	var data [][]byte
	for _, command := range c.taken {
		encoded, err := command.Command.Encode()
		if err != nil {
			command.Done(CommandResult{Result: metadata.Result{Err: refusedCommand(err)}})
			continue
		}
		data = append(data, encoded)
		c.sent = append(c.sent, command)
	}
	c.taken = nil
	return data
}

// refusedCommand is why a command is not even proposed. It is the command's result, not a failure
// of this leader: another one would refuse it too.
func refusedCommand(err error) *protocol.Error {
	var refused *protocol.Error
	if errors.As(err, &refused) {
		return refused
	}
	return protocol.Errorf(kerr.InvalidRequest, "%v", err)
}

func (c *commands) proposed(first, _ uint64) {
	for i, command := range c.sent {
		c.inLog = append(c.inLog, commandPosition{first + uint64(i), command})
	}
	c.sent = nil
}

func (c *commands) leadershipChecks() *leadershipChecks { return &leadershipChecks{} }

func (c *commands) recycle([][]byte) {}

func (c *commands) dropped() {
	for _, command := range c.sent {
		command.Done(CommandResult{Failed: notLeader(0)})
	}
	c.sent = nil
}

func (c *commands) applied(e raft.Applied) {
	c.published(c.machine.Image())
	if len(c.inLog) == 0 || c.inLog[0].index != e.Index {
		return
	}
	command := c.inLog[0].command
	c.inLog = c.inLog[1:]
	result, _ := e.Result.(metadata.Result)
	command.Done(CommandResult{Result: result, Proposed: true})
}

// answer has nothing to do: an image is published before its command is answered.
func (c *commands) answer() {}

func (c *commands) refuse(cause *protocol.Error) {
	for _, command := range c.taken {
		command.Done(CommandResult{Failed: cause})
	}
	for _, p := range c.inLog {
		p.command.Done(CommandResult{Failed: cause, Proposed: true})
	}
	c.taken, c.inLog = nil, nil
}

func (c *commands) stopped() {}

func (c *commands) standing(s *Standing) { s.Waiting, s.LogBytes = len(c.taken)+len(c.inLog), -1 }

func (c *commands) view(v *View) {
	image := c.machine.Image()
	v.HighWatermark = int64(image.Index)
	v.LastStable = v.HighWatermark
}
