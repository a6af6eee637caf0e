package web

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
)

// logLevel answers GET with the least level that is logged, and changes it with PUT: debug, info,
// warn or error, until the process ends.
func logLevel(level *slog.LevelVar, log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			text, _ := io.ReadAll(io.LimitReader(r.Body, 64))
			var next slog.Level
			if err := next.UnmarshalText([]byte(strings.TrimSpace(string(text)))); err != nil {
				http.Error(w, "send debug, info, warn or error", http.StatusBadRequest)
				return
			}
			before := level.Level()
			level.Set(next)
			log.Warn("the log level was changed", "from", before, "to", next, "by", r.RemoteAddr)
		}
		fmt.Fprintln(w, strings.ToLower(level.Level().String()))
	}
}
