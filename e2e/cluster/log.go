package cluster

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
)

// Tail is the last lines of the node's log.
func (n *Node) Tail(lines int) string {
	text, err := os.ReadFile(n.Log())
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// LogSays reports whether a line of the node's log matches.
func (n *Node) LogSays(pattern *regexp.Regexp) (says bool) {
	n.lines(func(_ int, line []byte) bool { says = pattern.Match(line); return !says })
	return says
}

// LogFinds returns the last line of the node's log that matches, and what the pattern's groups
// match; nil if none does.
func (n *Node) LogFinds(pattern *regexp.Regexp) (found []string) {
	n.lines(func(_ int, line []byte) bool {
		if m := pattern.FindStringSubmatch(string(line)); m != nil {
			found = m
		}
		return true
	})
	return found
}

// broken is what the Go runtime and the race detector write when a process went wrong.
var broken = regexp.MustCompile(`^(panic: |fatal error: |goroutine \d+ .*\[running|WARNING: DATA RACE|SIGSEGV|.* msg="?panic)`)

// complaints are the places in the log where the process went wrong. How a doomed one ends does not
// count: what writes through a memory map dies of a signal when its disk is gone.
func (n *Node) complaints() (found []string) {
	doomed := false
	n.lines(func(at int, line []byte) bool {
		switch {
		case bytes.HasPrefix(line, []byte(runMark)):
			doomed = false
		case bytes.HasPrefix(line, []byte(doomMark)):
			doomed = true
		case !doomed && broken.Match(line):
			found = append(found, fmt.Sprintf("%s:%d: %.300s", n.Log(), at, line))
		}
		return len(found) < 5
	})
	return found
}

// runMark and doomMark begin lines that the test writes into a log: a process was started, and from
// here on it may end anyhow.
const (
	runMark  = "--- "
	doomMark = "*** doomed"
)

// lines calls f with the lines of the log and their numbers from 1, as long as it returns true.
func (n *Node) lines(f func(at int, line []byte) bool) {
	log, err := os.Open(n.Log())
	if err != nil {
		return
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 16<<20)
	for at := 1; lines.Scan() && f(at, lines.Bytes()); at++ {
	}
}
