package planted

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Variable is the environment variable that names the bug to turn on.
const Variable = "TROUPE_PLANTED"

// Bug is a change of one place of production code.
type Bug struct {
	Name string
	Why  string // what it is like in the world
	File string // from the root of the repository
	Old  string // stands there once
	New  string // takes its place; `planted.Is("name")` reports whether it is on
	Also []Bug  // other places that are part of it: File, Old and New
	// World is the kind of worlds that it is looked for in; "plain" if empty.
	World string
	// Seeds is within how many seeds of such worlds, from 0 on, it is found.
	Seeds int
}

const module = "github.com/troupe-mq/troupe/"

// switches is the package that the patched code asks, which exists in the patched build only.
const switches = `// Package planted turns planted bugs on.
package planted

import "os"

var on = os.Getenv("` + Variable + `")

// Is reports whether a bug is turned on.
func Is(name string) bool { return on == name }
`

// Build builds cmd/troupe of the repository at root with all bugs in it, turned off, as a binary in
// dir.
func Build(root, dir string) (binary string, err error) {
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	put := func(path, text string) error {
		at := filepath.Join(dir, fmt.Sprintf("%d.go", len(overlay.Replace)))
		overlay.Replace[filepath.Join(root, path)] = at
		return os.WriteFile(at, []byte(text), 0o600)
	}
	if err := put("storage/planted/planted.go", switches); err != nil {
		return "", err
	}
	for file, bugs := range byFile() {
		text, err := patched(filepath.Join(root, file), bugs)
		if err != nil {
			return "", err
		}
		if err := put(file, text); err != nil {
			return "", err
		}
	}
	list, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	at := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(at, list, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(dir, "troupe")
	c := exec.Command("go", "build", "-overlay", at, "-o", binary, "./cmd/troupe")
	c.Dir = root
	if out, err := c.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build with planted bugs: %w\n%s", err, out)
	}
	return binary, nil
}

// Misplaced returns an error for every file of the repository at root in which a bug does not find
// its place.
func Misplaced(root string) (all []error) {
	for file, bugs := range byFile() {
		if _, err := patched(filepath.Join(root, file), bugs); err != nil {
			all = append(all, err)
		}
	}
	return all
}

func byFile() map[string][]Bug {
	all := make(map[string][]Bug)
	for _, b := range Bugs {
		all[b.File] = append(all[b.File], b)
		for _, also := range b.Also {
			also.Name = b.Name
			all[also.File] = append(all[also.File], also)
		}
	}
	return all
}

// patched returns a file with bugs in it. A bug whose place is gone is an error: the code has
// changed, and so must the bug.
func patched(path string, bugs []Bug) (string, error) {
	body, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	text := string(body)
	for _, b := range bugs {
		if strings.Count(text, b.Old) != 1 {
			return "", fmt.Errorf("the place of planted bug %q is not to be found once in %s: adapt the bug in e2e/sim/planted to the code", b.Name, b.File)
		}
		text = strings.Replace(text, b.Old, b.New, 1)
	}
	at := strings.Index(text, "\npackage ")
	if strings.HasPrefix(text, "package ") {
		at = -1
	}
	end := at + 1 + strings.Index(text[at+1:], "\n")
	return text[:end] + "\n\nimport \"" + module + "storage/planted\"\n" + text[end:], nil
}
