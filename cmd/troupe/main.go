// Command troupe is a Kafka-compatible broker.
//
// Exit codes: 0 stopped as asked; 1 failed, or a second signal; 2 the configuration or the command
// line is wrong.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	err := root().Execute()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "troupe:", err)
	if errors.As(err, new(failure)) {
		os.Exit(1)
	}
	os.Exit(2)
}

// failure is an error of a running node; every other error is one of usage.
type failure struct{ error }
