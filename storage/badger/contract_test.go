package badger

import (
	"flag"
	"log/slog"
	"os"
	"testing"

	"github.com/troupe-mq/troupe/storage"
	"github.com/troupe-mq/troupe/storage/storagetest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		writeUntilKilled(dir)
	}
	flag.Parse()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		f.Value.Set("20") // each opens a Badger, several times
	}
	os.Exit(m.Run())
}

// testOptions are those of small files, with a Fatal that fails the test.
func testOptions(t testing.TB, dir string) Options {
	return Options{Dir: dir, Logger: slog.New(slog.DiscardHandler), Fatal: func(err error) { t.Errorf("fatal: %v", err) }, ValueLogBytes: minValueLogBytes}
}

func TestContract(t *testing.T) {
	storagetest.Run(t, func(dir string) (storage.Store, error) { return Open(testOptions(t, dir)) })
}
