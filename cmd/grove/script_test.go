package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/server"
	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/printfile/sample"
)

var update = flag.Bool("update", false, "rewrite what scripts compare with")

// The program as its users meet it. Scripts say what they do; see the commands
// below for what they may say beside the usual.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"), RequireExplicitExec: true, RequireUniqueNames: true, UpdateScripts: *update,
		Setup: prepare,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "ready": ready, "until": until, "capture": capture, "mode": mode, "receiver": receiver, "occupy": occupy, "stand": stand, "age": age,
		},
	})
}

// prepare gives a script a home of its own and a print file. Nothing of the
// surroundings' configuration comes in.
func prepare(e *testscript.Env) error {
	home := filepath.Join(e.WorkDir, "home")
	e.Setenv("HOME", home)
	e.Setenv("USERPROFILE", home)
	e.Setenv("AppData", home)
	e.Setenv("GORACE", atExit)
	pid := os.Getpid() // another run of the tests has printers of its own
	e.Setenv("NETWORK", fmt.Sprintf("127.%d.%d", 16+pid%200, pid/200%256))
	body := sample.ThreeMF(sample.Model("C12"), sample.Layers(10), sample.Seconds(60))
	return errors.Join(os.Mkdir(home, 0o700), os.WriteFile(filepath.Join(e.WorkDir, "cube.gcode.3mf"), body, 0o600))
}

// exits CODE PROGRAM ARG… runs a program that must end with that exit code.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if ended, ok := errors.AsType[*exec.ExitError](err); ok {
		code = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// age DIRECTORY makes the sign-ins of a cloud with this data lie an hour back.
func age(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(ageSessions(context.Background(), ts.MkAbs(args[0])))
}

func ageSessions(ctx context.Context, data string) error {
	key, err := os.ReadFile(filepath.Join(data, "master.key"))
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{Path: filepath.Join(data, "grove.db"), MasterKey: key})
	if err != nil {
		return err
	}
	defer db.Close()
	users, err := db.Users(ctx, grove.Page{})
	for _, u := range users.Items {
		sessions, unread := db.Sessions(ctx, u.ID, time.Now(), grove.Page{})
		err = errors.Join(err, unread)
		for _, s := range sessions.Items {
			err = errors.Join(err, db.ConfirmSession(ctx, s.ID, time.Now().Add(-time.Hour)))
		}
	}
	return err
}

// ready FILE waits for a server's ready file and sets URL, HTTP, MQTT and CA, and
// for a demo SERIAL.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	var raw []byte
	wait(ts, args[0]+" is written", func() bool {
		var err error
		raw, err = os.ReadFile(ts.MkAbs(args[0]))
		return err == nil
	})
	var info server.Info
	ts.Check(json.Unmarshal(raw, &info))
	ts.Setenv("URL", info.HTTP)
	_, address, _ := strings.Cut(info.HTTP, "://")
	ts.Setenv("HTTP", address)
	ts.Setenv("MQTT", info.MQTTS)
	ts.Setenv("CA", ts.MkAbs(info.CAFile))
	if info.Demo != nil {
		ts.Setenv("SERIAL", info.Demo.Serial)
	}
}

// until PATTERN PROGRAM ARG… runs a program until its output fits; until PATTERN
// FILE looks at a file.
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile("(?m)" + args[0])
	wait(ts, strings.Join(args[1:], " ")+" shows "+args[0], func() bool {
		if len(args) == 2 {
			raw, err := os.ReadFile(ts.MkAbs(args[1]))
			return err == nil && pattern.Match(raw)
		}
		return ts.Exec(args[1], args[2:]...) == nil && pattern.MatchString(ts.ReadFile("stdout"))
	})
}

func wait(ts *testscript.TestScript, what string, ok func() bool) {
	end := time.NewTimer(30 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end.C:
			ts.Fatalf("waited too long until %s", what)
		case <-tick.C:
		}
	}
}

// capture NAME PATTERN sets a variable to what the pattern's group finds in the
// last program's output.
func capture(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(found) != 2 {
		ts.Fatalf("the output has no %s", args[1])
	}
	ts.Setenv(args[0], found[1])
}

// mode OCTAL FILE… holds a file's mode.
func mode(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args[1:] {
		info, err := os.Stat(ts.MkAbs(name))
		ts.Check(err)
		if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[0] {
			ts.Fatalf("%s has mode %s, want %s", name, got, args[0])
		}
	}
}

// stand FILE SERIAL… lets simulated printers stand on loopback until the script ends,
// and writes the file that adds them, to which LAN_PORT is the first one's port.
func stand(ts *testscript.TestScript, _ bool, args []string) {
	rows := []string{"host,access_code,serial,name,mqtts_port"}
	for i, serial := range args[1:] {
		p, err := sim.New(sim.Config{Serial: serial, Speed: 600, Tick: 50 * time.Millisecond, LAN: &sim.LAN{AccessCode: "12345678", Maker: printerMaker}})
		ts.Check(err)
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- p.Run(ctx) }()
		ts.Defer(func() { cancel(); ts.Check(<-done) })
		at := p.Ports()
		rows = append(rows, fmt.Sprintf("%s,12345678,%s,Bench %d,%d", at.Host, serial, i+1, at.MQTTS))
		if i == 0 {
			ts.Setenv("LAN_PORT", strconv.Itoa(at.MQTTS))
		}
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(rows, "\n")+"\n"), 0o600))
}

// printerMaker makes them all, since each maker's key takes long.
var printerMaker = sim.NewMaker("")

// receiver FILE starts a webhook receiver that notes what it is told, a line
// each, and sets HOOK to where it is.
func receiver(ts *testscript.TestScript, _ bool, args []string) {
	name := ts.MkAbs(args[0])
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, err := io.ReadAll(r.Body)
		f, openErr := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil || openErr != nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		defer f.Close()
		fmt.Fprintf(f, "%s %s\n", r.Header.Get("Webhook-Id"), body)
		w.WriteHeader(http.StatusNoContent)
	}))
	ts.Defer(s.Close)
	ts.Setenv("HOOK", s.URL)
}

// occupy NAME takes a free port and sets the variable to its address.
func occupy(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = l.Close() })
	ts.Setenv(args[0], l.Addr().String())
}
