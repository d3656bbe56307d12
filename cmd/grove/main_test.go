package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// atExit is for GORACE: a program with the race detector would sleep for a second
// before it ends, and scripts run a hundred of them.
const atExit = "atexit_sleep_ms=0"

// TestMain lets scripts and tests run this very program as grove.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"grove": func() { os.Exit(run(os.Args[1:])) }})
}
