package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal is a pseudo-terminal with a person at it.
type terminal struct {
	t     *testing.T
	ours  *os.File
	shown chan string // piece by piece; closed when the program has ended
	seen  strings.Builder
}

// onTerminal starts a program whose standard input and error are a terminal.
func onTerminal(t *testing.T, c *exec.Cmd) *terminal {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	needs(t, "a pseudo-terminal", err)
	t.Cleanup(func() { _ = ours.Close() })
	number, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err := errors.Join(err, unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0),
		unix.IoctlSetWinsize(int(ours.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80})); err != nil {
		t.Fatal(err)
	}
	theirs, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	c.Stdin, c.Stderr = theirs, theirs
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	o := &terminal{t: t, ours: ours, shown: make(chan string, 1024)}
	go func() {
		defer close(o.shown)
		piece := make([]byte, 4096)
		for {
			n, err := ours.Read(piece)
			if err != nil {
				return // the program has ended
			}
			o.shown <- string(piece[:n])
		}
	}()
	return o
}

// asks waits for a prompt and answers it.
func (o *terminal) asks(prompt, answer string) {
	o.t.Helper()
	for !strings.HasSuffix(o.seen.String(), prompt) {
		piece, ok := <-o.shown
		if !ok {
			o.t.Fatalf("%q was not asked: %q", prompt, o.seen.String())
		}
		o.seen.WriteString(piece)
	}
	if _, err := io.WriteString(o.ours, answer+"\n"); err != nil {
		o.t.Fatal(err)
	}
}

// all is what was shown until the program ended.
func (o *terminal) all() string {
	for piece := range o.shown {
		o.seen.WriteString(piece)
	}
	return o.seen.String()
}

func TestAnUploadShowsHowFarItIsOnATerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.paste(strings.SplitN(snippet(t, p.serve("--demo"), 3), "\n", 2)[0]) // sign in
	file := filepath.Join(p.dir, "tower.gcode")
	if err := os.WriteFile(file, []byte("G28\n"+strings.Repeat("G1 X10.000 Y10.000 E0.12345 ; up and up\n", 2<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	c := p.command("grove", "upload", "tower.gcode")
	var answer strings.Builder
	c.Stdout = &answer
	shown := onTerminal(t, c)
	said := shown.all()
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, pattern := range []string{`tower\.gcode +0% \| +\| +\( ?0 B/84 MB`, `tower\.gcode +[1-9]\d*% \|█+`, ` \r$`} {
		if !regexp.MustCompile(pattern).MatchString(said) {
			t.Errorf("%s is not in %q", pattern, said)
		}
	}
	if !regexp.MustCompile(`(?m)^file id +f_`).MatchString(answer.String()) || strings.Contains(answer.String(), "%") {
		t.Errorf("the answer is %q", answer.String())
	}
}

// What is typed blind is typed twice where it can't be looked up later.
func TestANewPasswordIsAskedForTwice(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, first, _ := setupShown(t, p.serve())
	for _, c := range []struct {
		again, says string
		fails       bool
	}{
		{"correct horse batterie", "the two passwords differ; nothing was made", true},
		{"correct horse battery", "", false},
	} {
		setup := p.command("bash", "-c", first)
		var answer strings.Builder
		setup.Stdout = &answer
		o := onTerminal(t, setup)
		o.asks("Password: ", "correct horse battery")
		o.asks("Once more: ", c.again)
		said := o.all()
		if err := setup.Wait(); (err != nil) != c.fails || !strings.Contains(said, c.says) {
			t.Errorf("%v: %q", err, said)
		}
		if done := strings.Contains(answer.String(), "you@example.org owns this cloud now."); done == c.fails {
			t.Errorf("the answer is %q", answer.String())
		}
	}
}

// On a terminal the password is asked for where it is wanted, and the command goes on.
func TestWhoSignedInLongAgoIsAskedOnceMoreOnATerminal(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, first, _ := setupShown(t, p.serve("--data", "data"))
	const typed = "export GROVE_PASSWORD='correct horse battery'\n"
	signIn := regexp.MustCompile(`grove login .*`).FindString(p.paste(typed + first))
	p.paste(typed + signIn)
	if err := ageSessions(t.Context(), filepath.Join(p.dir, "data")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		password, says string
		fails          bool
	}{
		{"not this one", "Incorrect password", true},
		{"correct horse battery", "Confirmed until ", false},
	} {
		keys := p.command("grove", "keys", "create", "script")
		var answer strings.Builder
		keys.Stdout = &answer
		o := onTerminal(t, keys)
		o.asks("Your password once more: ", c.password)
		said := o.all()
		if err := keys.Wait(); (err != nil) != c.fails || !strings.Contains(said, c.says) {
			t.Errorf("%v: %q", err, said)
		}
		if made := regexp.MustCompile(`(?m)^key +grove_`).MatchString(answer.String()); made == c.fails {
			t.Errorf("the answer is %q", answer.String())
		}
	}
}
