package config

import "testing"

func TestParseMemory(t *testing.T) {
	for v, want := range map[string]int64{"268435456": 1 << 28, "512MiB": 1 << 29, "2GiB": 2 << 30, "1TiB": 1 << 40} {
		if got, err := parseMemory(v); err != nil || got != want {
			t.Errorf("%s is %d (%v), want %d", v, got, err, want)
		}
	}
	for _, v := range []string{"2GB", "-1", "1.5GiB", "9000000000GiB", "GiB", "255MiB"} {
		if err := memory(v); err == nil {
			t.Errorf("memory = %q was taken", v)
		}
	}
}
