//go:build clients

package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/troupe-mq/troupe/e2e/cluster"
)

// kgoSkips are franz-go's tests of what is not offered here: transactions and share groups. What
// needs KIP-848's groups, SASL or TLS skips itself.
const kgoSkips = "^(TestTxnEtl|TestShareGroup.*|TestConsumeRegexShareSkipsInternal)$"

// kgoMust are the tests that are the point: they have to have run, and neither may skip itself.
var kgoMust = []string{
	"TestGroupETL/range", "TestGroupETL/cooperative-sticky", "TestGroupETL/cooperative-sticky/static",
	"TestGroupSimple", "TestConsumeRegex", "TestPing", "TestUnknownGroupOffsetFetchPinned", "TestClient_ProduceLargeMessages",
}

// TestKgo runs franz-go's own tests, at the version of go.mod and with their default of 500,000
// records, against a cluster of ours. TestGroupETL is the heart of them: groups hand a topic on
// from one to the next while members come and go, and no record may be lost, reordered or consumed
// twice.
func TestKgo(t *testing.T) {
	c := cluster.Start(t, 3)
	test := exec.Command("go", "test", "-count=1", "-v", "-timeout", "15m", "-skip", kgoSkips, "./pkg/kgo")
	test.Dir = franzSource(t)
	test.Env = append(os.Environ(), "KGO_SEEDS="+strings.Join(c.Seeds(), ","), "KGO_LOG_LEVEL=none", "GOFLAGS=-mod=mod")
	out, err := test.CombinedOutput() // its own limit ends it
	results := regexp.MustCompile(`(?m)^ *--- (PASS|FAIL|SKIP): .*$`).FindAllString(string(out), -1)
	if err != nil {
		log := filepath.Join(os.TempDir(), "troupe-kgo.log")
		_ = os.WriteFile(log, out, 0o644)
		t.Fatalf("%v\n%s\nall of it is in %s", err, strings.Join(results, "\n"), log)
	}
	for _, name := range kgoMust {
		if !strings.Contains(string(out), "--- PASS: "+name+" (") {
			t.Errorf("%s did not run:\n%s", name, strings.Join(results, "\n"))
		}
	}
	t.Log(strings.Join(results, "\n"))
}

// franzSource is a copy of franz-go, because the module cache is read-only.
func franzSource(t *testing.T) string {
	t.Helper()
	const module = "github.com/twmb/franz-go"
	version := strings.TrimSpace(run(t, exec.Command("go", "list", "-m", "-f", "{{.Version}}", module), ""))
	var cached struct{ Dir string }
	if err := json.Unmarshal([]byte(run(t, exec.Command("go", "mod", "download", "-json", module+"@"+version), "")), &cached); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "franz-go")
	if err := os.CopyFS(dir, os.DirFS(cached.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}
