package api

// Groups coordinates the consumer groups of this node.
type Groups interface{}

func groupHandlers(Groups) []handler { return nil }
