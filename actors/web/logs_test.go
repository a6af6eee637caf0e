package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLogLevelChangesAtRunTime(t *testing.T) {
	level := &slog.LevelVar{}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
	h := Handler(Options{Node: &operator{}, Metrics: http.NotFoundHandler(), Level: level, Logger: log})
	ask := func(method, body, from string) (int, string) {
		r := httptest.NewRequest(method, "/log/level", strings.NewReader(body))
		r.RemoteAddr, r.Host = from, "localhost:9094"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	const here, there = "127.0.0.1:5", "192.0.2.7:5"
	log.Debug("before")
	if code, body := ask("PUT", "debug\n", here); code != 200 || body != "debug" {
		t.Fatalf("%d %q", code, body)
	}
	log.Debug("after")
	if strings.Contains(out.String(), "before") || !strings.Contains(out.String(), "after") {
		t.Errorf("logged: %s", out.String())
	}
	if code, _ := ask("PUT", "loud", here); code != 400 {
		t.Errorf("a level that does not exist: %d", code)
	}
	if code, _ := ask("PUT", "error", there); code != 403 {
		t.Errorf("from another machine: %d", code)
	}
	if _, body := ask("GET", "", here); body != "debug" {
		t.Errorf("the level is %q, want debug", body)
	}
}
