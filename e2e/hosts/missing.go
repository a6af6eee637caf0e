//go:build linux

package hosts

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Unprivileged is the environment variable that leaves out tests that need hosts.
const Unprivileged = "E2E_UNPRIVILEGED"

// Need skips a test where the environment says so, and fails it where hosts cannot be made.
func Need(t testing.TB) {
	t.Helper()
	if os.Getenv(Unprivileged) != "" {
		t.Skip(Unprivileged + " is set")
	}
	if err := Missing(); err != nil {
		t.Fatalf("this test makes hosts and disks: %v; or set %s=1 to leave such tests out", err, Unprivileged)
	}
}

// Missing says what this machine lacks to make hosts, and how to get it.
func Missing() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, errors.New("it needs network namespaces and mounts: run as root"))
	}
	for _, device := range []string{"/dev/net/tun", "/dev/loop-control"} {
		if _, err := os.Stat(device); err != nil {
			errs = append(errs, fmt.Errorf("the kernel offers no %s: %w", device, err))
		}
	}
	for tool, pkg := range map[string]string{"mkfs.ext4": "e2fsprogs", "mount": "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			errs = append(errs, fmt.Errorf("%s is not installed: apt-get install -y %s", tool, pkg))
		}
	}
	return errors.Join(errs...)
}
