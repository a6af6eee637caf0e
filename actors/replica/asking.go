package replica

import "github.com/troupe-mq/troupe/actors"

// What is sent to a replica that has stopped is refused: whoever asked looks for the leader
// elsewhere.
var (
	_ actors.Asking = (*Records)(nil)
	_ actors.Asking = (*Trim)(nil)
	_ actors.Asking = (*Tend)(nil)
	_ actors.Asking = (*Keep)(nil)
	_ actors.Asking = (*Confirm)(nil)
	_ actors.Asking = (*Barrier)(nil)
	_ actors.Asking = (*Remembered)(nil)
	_ actors.Asking = (*Command)(nil)
	_ actors.Asking = (*Checkpoint)(nil)
	_ actors.Asking = (*Observe)(nil)
)

// Unanswered implements actors.Asking.
func (m *Records) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Trim) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Tend) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Keep) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Confirm) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Barrier) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Remembered) Unanswered() { m.refuse(notLeader(0)) }

// Unanswered implements actors.Asking.
func (m *Command) Unanswered() { m.Done(CommandResult{Failed: notLeader(0)}) }

// Unanswered implements actors.Asking.
func (m *Checkpoint) Unanswered() { m.Done() }

// Unanswered implements actors.Asking.
func (m *Observe) Unanswered() {
	if m.Gone != nil {
		m.Gone()
	}
}
