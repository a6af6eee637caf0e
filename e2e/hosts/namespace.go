//go:build linux

package hosts

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// namespace is a network namespace: a thread that lives in it, for as long as the namespace is
// wanted. What is done on that thread is done there, and processes started on it are born there.
// They also die with it, if they asked the kernel to die with their parent.
type namespace struct{ work chan func() }

// newNamespace starts the thread. Its network has nothing but a loopback.
func newNamespace() (*namespace, error) {
	n := &namespace{work: make(chan func())}
	ready := make(chan error)
	go n.live(ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return n, nil
}

// live never unlocks its thread, so that the thread ends with it and no other goroutine ever finds
// itself in this namespace. The main thread cannot end: a goroutine that finds itself there leaves
// it to another.
func (n *namespace) live(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() {
		started := make(chan error)
		go n.live(started) // on another thread: this one is locked
		ready <- <-started
		runtime.UnlockOSThread()
		return
	}
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		ready <- fmt.Errorf("a new network namespace: %w", err)
		return
	}
	ready <- up("lo")
	for f := range n.work {
		f()
	}
}

// do runs f on the namespace's thread and waits for it.
func (n *namespace) do(f func() error) (err error) {
	done := make(chan struct{})
	n.work <- func() { err = f(); close(done) }
	<-done
	return err
}

// close ends the thread.
func (n *namespace) close() { close(n.work) }
