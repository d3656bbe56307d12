package rest_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/grovecloud/grove/internal/rest/resttest"
)

// linter is Spectral where scripts/clients/install puts it.
func linter(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "grove-clients", "node_modules", ".bin", "spectral")
	_, missing := os.Stat(path)
	_, noNode := exec.LookPath("node")
	if err := errors.Join(missing, noNode); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the linter is not there: %v", err)
		}
		t.Skipf("run scripts/clients/install first: %v", err)
	}
	return path
}

// withAnswers is the description with what a house really was asked and answered in
// the place of its examples.
func withAnswers(t *testing.T, description []byte, told map[string]example) []byte {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal(description, &doc); err != nil {
		t.Fatal(err)
	}
	replaced := 0
	replace := func(holder any, with json.RawMessage) {
		content, _ := holder.(map[string]any)["content"].(map[string]any)
		media, ok := content["application/json"].(map[string]any)
		if ok && len(with) > 0 {
			media["example"] = with
			replaced++
		}
	}
	for _, operations := range doc["paths"].(map[string]any) {
		for _, o := range operations.(map[string]any) {
			op := o.(map[string]any)
			e := told[op["operationId"].(string)]
			if body := op["requestBody"]; body != nil {
				replace(body, e.Body)
			}
			if r := op["responses"].(map[string]any)[strconv.Itoa(e.Status)]; r != nil {
				replace(r, e.Answer)
			}
		}
	}
	if replaced < 150 {
		t.Errorf("only %d examples were replaced", replaced)
	}
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTheDescriptionIsLinted has Spectral read the description, and with it each
// example against the schema of its operation: the recorded ones, and those of a
// house that is asked now.
func TestTheDescriptionIsLinted(t *testing.T) {
	t.Parallel()
	spectral := linter(t)
	description := resttest.New(t, "off").Ask("GET", "/openapi.json", "").Body.Bytes()
	var told map[string]example
	synctest.Test(t, func(t *testing.T) { told = hearStory(t) })
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "openapi.json"), filepath.Join(dir, "answered.json")}
	for i, content := range [][]byte{description, withAnswers(t, description, told)} {
		if err := os.WriteFile(files[i], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), spectral, append([]string{"lint", "--ruleset", "testdata/spectral.yaml", "--fail-severity", "hint", "--format", "text"}, files...)...)
	if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "No results") {
		t.Errorf("%v\n%s", err, out)
	}
}
