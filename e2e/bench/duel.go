package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Duel is everything that a comparison measured.
type Duel struct {
	Machine  Machine           `json:"machine"`
	Versions map[string]string `json:"versions"`
	Settings map[string]string `json:"settings"`
	Heats    []*Heat           `json:"heats"`
}

// Heat is a group of rows run against each contestant in turn.
type Heat struct {
	When  time.Time `json:"when"`
	Group string    `json:"group"`
	Load  string    `json:"load"` // averages of the machine before it began: who else was at work
	Raw   Raw       `json:"raw"`
	Turns []*Turn   `json:"turns"` // in the order in which they were run
}

// Turn is one contestant's part of a heat, on a cluster of its own.
type Turn struct {
	Contestant string             `json:"contestant"`
	Samples    map[string]*Sample `json:"samples"` // by row
}

// heatsOf is how many heats a group had.
func (d *Duel) heatsOf(group string) (n int) {
	for _, h := range d.Heats {
		if h.Group == group {
			n++
		}
	}
	return n
}

// load reads what earlier sittings measured; nothing without a path or a file.
func (d *Duel) load(path string) error {
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	strict := json.NewDecoder(bytes.NewReader(text))
	strict.DisallowUnknownFields()
	if err := strict.Decode(d); err != nil {
		return fmt.Errorf("%s is no comparison, or one that was measured in another way, which does not mix with this one (begin another file): %w", path, err)
	}
	return nil
}
