package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestWriteMakesTheFolderAndReplacesTheFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "examples", "cube.gcode.3mf")
	for _, content := range []string{"a longer first one", "second"} {
		if err := write(file, []byte(content)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, []byte(content)) {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if err := write(filepath.Join(file, "below a file"), nil); err == nil {
		t.Error("a file was taken for a folder")
	}
}
