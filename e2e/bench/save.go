package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// save writes what was measured to the file of --json; nothing without a path. What was there
// before is there until the new is whole.
func save(path string, measured any) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(measured, "", " ")
	if err == nil {
		err = os.WriteFile(path+".new", append(text, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("--json: %w", err)
	}
	return nil
}
