//go:build clients

package clients

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// runWithin is how long one command may take.
const runWithin = 2 * time.Minute

// run runs a command to its end, which must be a success, and returns what it printed.
func run(t *testing.T, cmd *exec.Cmd, input string) string {
	t.Helper()
	out, err := try(cmd, input)
	if err != nil {
		t.Fatalf("%s\n%v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return out
}

// try runs a command to its end. On success it returns standard output alone, else standard error
// too.
func try(cmd *exec.Cmd, input string) (string, error) {
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
	if err := cmd.Start(); err != nil {
		return "", err
	}
	limit := time.AfterFunc(runWithin, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	if !limit.Stop() {
		err = fmt.Errorf("not done within %s: %w", runWithin, err)
	}
	if err != nil {
		return out.String() + "\n" + errs.String(), err
	}
	return out.String(), nil
}

// member is a consumer that runs.
type member struct {
	t    *testing.T
	cmd  *exec.Cmd
	done context.Context // ends with the process

	mu   sync.Mutex
	got  []record
	odd  []string // lines that are no records
	errs bytes.Buffer
	err  error // of the process
}

// join starts a member. It ends with the test at the latest.
func join(t *testing.T, cmd *exec.Cmd) *member {
	t.Helper()
	done, ended := context.WithCancel(context.Background())
	m := &member{t: t, cmd: cmd, done: done}
	out, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = w, (*errorsOf)(m)
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	var reading sync.WaitGroup
	reading.Go(func() { m.read(out) })
	go func() {
		err := cmd.Wait()
		w.Close()
		reading.Wait()
		m.mu.Lock()
		m.err = err
		m.mu.Unlock()
		ended()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-done.Done()
	})
	return m
}

func (m *member) read(out io.Reader) {
	for s := bufio.NewScanner(out); s.Scan(); {
		r, ok := parse(s.Text())
		m.mu.Lock()
		if ok {
			m.got = append(m.got, r)
		} else {
			m.odd = append(m.odd, s.Text())
		}
		m.mu.Unlock()
	}
}

// parse reads a line of a member. Kafka's console consumer names its numbers.
func parse(line string) (r record, ok bool) {
	f := strings.Split(line, "\t")
	if len(f) != 4 {
		return r, false
	}
	p, err1 := strconv.ParseInt(strings.TrimPrefix(f[0], "Partition:"), 10, 32)
	o, err2 := strconv.ParseInt(strings.TrimPrefix(f[1], "Offset:"), 10, 64)
	return record{partition: int32(p), offset: o, key: f[2], value: f[3]}, err1 == nil && err2 == nil
}

// errorsOf collects a member's standard error.
type errorsOf member

func (m *errorsOf) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.errs.Write(b)
}

// records are those received until now.
func (m *member) records() []record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got[:len(m.got):len(m.got)]
}

func (m *member) ended() bool { return m.done.Err() != nil }

// stop tells the member to commit and leave, and waits until it has.
func (m *member) stop() {
	m.t.Helper()
	if err := m.cmd.Process.Signal(terminate); err != nil {
		m.t.Fatalf("%s: %v", m, err)
	}
	limit := time.AfterFunc(settleWithin, func() { _ = m.cmd.Process.Signal(syscall.SIGKILL) })
	<-m.done.Done()
	if !limit.Stop() {
		m.t.Fatalf("it did not end within %s: %s", settleWithin, m)
	}
	// A JVM that a signal ends says so after its shutdown hooks have run.
	if code := m.cmd.ProcessState.ExitCode(); code != 0 && code != 128+int(terminate) {
		m.t.Errorf("exit code %d: %s", code, m)
	}
}

// String is what the member said, for messages.
func (m *member) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	errs := m.errs.String()
	return fmt.Sprintf("%s: %d records, %v\n%s\n%s", strings.Join(m.cmd.Args, " "), len(m.got), m.err, strings.Join(m.odd, "\n"), errs[max(0, len(errs)-4000):])
}

// in runs a command in a directory.
func in(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, os.Environ()
	return cmd
}
