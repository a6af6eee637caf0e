package actors

// Asking is a message that asks for an answer. One that no turn takes any more, because its actor
// has stopped, is told so, and answers in place of the actor: whoever waits for the answer waits
// for nothing else.
type Asking interface {
	// Unanswered is called instead of a turn. It must not block, and may be called while the sender's
	// actor or another one takes a turn.
	Unanswered()
}

// Unanswered tells the messages among these that ask for an answer that none comes.
func Unanswered(messages ...any) {
	for _, m := range messages {
		if a, ok := m.(Asking); ok {
			a.Unanswered()
		}
	}
}
