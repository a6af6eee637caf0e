//go:build linux

package hosts

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
)

// Lab is a set of hosts, the network between them and this process.
type Lab struct {
	Network *Network
	Hosts   []*Host // by number, from 1

	options Options
	dir     string
	subnet  netip.Prefix
}

// Options of a Lab.
type Options struct {
	Hosts int
	Disk  int64  // bytes of each host's disk; 0 is none of its own
	FS    string // of the disks: ext4, the default, or xfs
	Dir   string // where images of disks lie, the directory for temporary files if empty
}

// Host is one machine.
type Host struct {
	Number int
	Disk   *Disk // nil if it has none of its own

	addr  netip.Addr
	space *namespace
}

// clientsByte is the last byte of this process's address among the hosts.
const clientsByte = 254

func hostOf(last byte) int {
	if last == clientsByte {
		return Clients
	}
	return int(last)
}

// New makes hosts that end with the test.
func New(t testing.TB, o Options) *Lab {
	t.Helper()
	sweep()
	l := &Lab{Network: newNetwork(), options: o}
	t.Cleanup(func() {
		if err := l.close(t.Failed()); err != nil {
			t.Errorf("clearing the hosts away: %v", err)
		}
		if t.Failed() && o.Disk > 0 {
			t.Logf("images of the disks are in %s", l.dir)
		}
	})
	if err := l.build(o); err != nil {
		t.Fatalf("hosts: %v", err)
	}
	return l
}

func (l *Lab) build(o Options) (err error) {
	if l.dir, err = os.MkdirTemp(o.Dir, fmt.Sprintf("%s%d-", dirPrefix, os.Getpid())); err != nil {
		return err
	}
	if l.subnet, err = freeSubnet(); err != nil {
		return err
	}
	tun, err := openTUN(fmt.Sprintf("troupe%d", os.Getpid()), netip.PrefixFrom(l.at(clientsByte), l.subnet.Bits()))
	if err != nil {
		return err
	}
	l.Network.plug(Clients, tun)
	for i := range o.Hosts {
		if err := l.add(i+1, o); err != nil {
			return fmt.Errorf("host %d: %w", i+1, err)
		}
	}
	return nil
}

// Add makes one more host, with the next number.
func (l *Lab) Add(t testing.TB) *Host {
	t.Helper()
	number := len(l.Hosts) + 1
	if err := l.add(number, l.options); err != nil {
		t.Fatalf("host %d: %v", number, err)
	}
	return l.Host(number)
}

func (l *Lab) add(number int, o Options) error {
	h := &Host{Number: number, addr: l.at(byte(number))}
	l.Hosts = append(l.Hosts, h)
	space, err := newNamespace()
	if err != nil {
		return err
	}
	h.space = space
	err = space.do(func() error {
		tun, err := openTUN("eth0", netip.PrefixFrom(h.addr, l.subnet.Bits()))
		if err == nil {
			l.Network.plug(number, tun)
		}
		return err
	})
	if err == nil && o.Disk > 0 {
		h.Disk, err = newDisk(filepath.Join(l.dir, fmt.Sprintf("disk%d", number)), o.FS, o.Disk)
	}
	return err
}

func (l *Lab) at(last byte) netip.Addr {
	a := l.subnet.Addr().As4()
	a[3] = last
	return netip.AddrFrom4(a)
}

// Host is the host of that number.
func (l *Lab) Host(number int) *Host { return l.Hosts[number-1] }

// close ends the hosts. The images of disks of a test that failed stay.
func (l *Lab) close(failed bool) error {
	errs := []error{l.Network.close()}
	for _, h := range l.Hosts {
		if h.space != nil {
			h.space.close()
		}
		if h.Disk != nil {
			errs = append(errs, h.Disk.close())
		}
	}
	if !failed {
		errs = append(errs, os.RemoveAll(l.dir))
	}
	return errors.Join(errs...)
}

// IP is the host's address.
func (h *Host) IP() string { return h.addr.String() }

// Do runs f on a thread of the host: processes it starts and sockets it opens are there.
func (h *Host) Do(f func() error) error { return h.space.do(f) }

// Data is a directory for data: the host's disk, or other if it has none of its own.
func (h *Host) Data(other string) string {
	if h.Disk == nil {
		return other
	}
	return filepath.Join(h.Disk.Dir, "data")
}

// freeSubnet picks 254 addresses, of those set aside for tests of networks, that no interface of
// this machine has.
func freeSubnet() (netip.Prefix, error) {
	taken := map[byte]bool{}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Prefix{}, err
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && p.Addr().As4()[0] == 198 {
			taken[p.Addr().As4()[2]] = true
		}
	}
	for range 1000 {
		if third := byte(rand.IntN(256)); !taken[third] {
			return netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, third, 0}), 24), nil
		}
	}
	return netip.Prefix{}, errors.New("no free addresses in 198.18.0.0/16; are old hosts still there?")
}
