package node

import (
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/troupe-mq/troupe/actors"
	"github.com/troupe-mq/troupe/actors/journal"
	"github.com/troupe-mq/troupe/actors/remote"
	"github.com/troupe-mq/troupe/actors/server"
	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/badger"
)

// World is what a node lives in: time, a disk, a network, clients. A process is one; the
// simulator's is another. A node reaches all of it through its World, and whatever it waits for it
// waits for by the World's Runtime, so that in the simulator the node is the very same code.
type World struct {
	actors.Runtime
	Store func(Config) (storage.Store, error)
	// SetAside puts an empty store, which begins with a node record, in the place of one that Store
	// found unreadable, and returns what that one is called now.
	SetAside func(c Config, cause error, begin storage.Node) (where string, err error)
	Journal  func(storage.Store, journal.Options) Journal
	Host     func(actors.Options) Host
	Links    func(remote.Options) (remote.Links, error)
	Server   func(server.Options) (Server, error)
}

// Journal is a journal.Journal, or what stands for it.
type Journal interface {
	Write(journal.Write)
	Writes([]journal.Write)
	// Unwritten is how many bytes of entries wait for the disk, Queued what of it waits for a
	// transaction, and Busy for how long the one under way has been.
	Unwritten() int64
	Queued() (writes int, bytes int64)
	Busy() time.Duration
	Close()
}

// Host runs the node's actors.
type Host interface {
	actors.Host
	Shutdown()
}

// Server is where clients come in: bound when it is made, it lets them in from Start on.
type Server interface {
	Start()
	// Addresses are where the listeners are bound, in the order of the options; nil if there are none
	// to be bound.
	Addresses() []net.Addr
	// Read returns what was counted since it was made.
	Read() server.Reading
	Close() error
}

// Process is the World of a process: goroutines, Badger, gRPC and sockets.
func Process() World {
	return World{
		Runtime: actors.Goroutines{},
		Store:   openBadger,
		SetAside: func(c Config, cause error, begin storage.Node) (string, error) {
			return badger.SetAside(storeDir(c), cause, begin)
		},
		Journal: func(s storage.Store, o journal.Options) Journal { return journal.New(s, o) },
		Host:    func(o actors.Options) Host { return actors.NewSystem(o) },
		Links:   openRemotes,
		Server:  listen,
	}
}

func openRemotes(o remote.Options) (remote.Links, error) {
	r, err := remote.New(o)
	if err != nil {
		return nil, err // not a nil *Remotes in Links that are not nil
	}
	return r, nil
}

func listen(o server.Options) (Server, error) {
	s, err := server.Listen(o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func storeDir(c Config) string { return filepath.Join(c.Dir, "store") }

func openBadger(c Config) (storage.Store, error) {
	store, err := badger.Open(badger.Options{Dir: storeDir(c), Logger: c.Logger, Fatal: c.Fatal, BallastBytes: c.Disk.BallastBytes})
	if err != nil {
		return nil, fmt.Errorf("open the data directory %s: %w", c.Dir, err)
	}
	return store, nil
}
