// Package hostile sends a node what no honest client would: every field of every request of every
// version at its extremes, alone and in pairs, and looks after each that the node lives, answers
// another client in time and keeps to its memory, and in the end that all it took is given back.
//
// A request is built from its schema, the types of kmsg, by reflection (fields.go): a plausible
// request of the version, in which one field, or two, is set to an extreme of its type (values.go).
// Nothing here knows an API by name but what makes a request plausible, so a new API or field is
// tried without anybody thinking of it.
//
// A Case says what was sent in one line, and Run sends the same in the same order for a seed: that
// is how a finding is replayed.
package hostile
