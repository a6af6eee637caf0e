package cluster

import (
	"bufio"
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

// LogSays tells whether a line of the node's log matches.
func (n *Node) LogSays(pattern *regexp.Regexp) bool { return n.grep(pattern, 1) != nil }

// broken is what the Go runtime and the race detector write when a process went wrong.
var broken = regexp.MustCompile(`^(panic: |fatal error: |goroutine \d+ .*\[running|WARNING: DATA RACE|SIGSEGV|.* msg="?panic)`)

// complaints are the places in the log where the process went wrong.
func (n *Node) complaints() []string { return n.grep(broken, 5) }

func (n *Node) grep(pattern *regexp.Regexp, most int) (found []string) {
	f, err := os.Open(n.Log())
	if err != nil {
		return nil
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for at := 1; lines.Scan() && len(found) < most; at++ {
		if pattern.Match(lines.Bytes()) {
			found = append(found, fmt.Sprintf("%s:%d: %.300s", n.Log(), at, lines.Text()))
		}
	}
	return found
}
