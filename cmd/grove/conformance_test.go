package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp/totp"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/server"
	"github.com/grovecloud/grove/internal/store/storetest"
)

const compatibilityPage = "../../docs/compatibility.md"

// Every known client of the vendor's cloud is played against the program as people
// run it, on both databases, prints included, and as an account of each kind: with a
// password alone, with codes by e-mail, with an authenticator. All must hold, and
// what one kind can't try another must have. The page that tells what works is
// what such a run finds, so it can't claim more; -update rewrites it.
func TestThePageOfCompatibilityIsWhatARunFinds(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(compatibilityPage)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		page := place{t: t, dir: t.TempDir()}.conformance(func() []string { return nil })
		if *update {
			if err := os.WriteFile(compatibilityPage, []byte(page), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
		if diff := cmp.Diff(string(want), page); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		page := place{t: t, dir: t.TempDir()}.conformance(func() []string { return []string{"--database", storetest.Postgres(t, os.Getenv)} })
		if diff := cmp.Diff(string(want), page); diff != "" && !*update {
			t.Error(diff)
		}
	})
}

// conformance serves demos and gives the page that runs against their printers make.
func (p place) conformance(flags func() []string) (page string) {
	p.t.Helper()
	coded := p.demo("coded", flags())
	must(p.t, coded.grove("account", "mode", "code"))
	coded.keep("coded.json", coded.answering(coded.play("--ask-code", "--allow-skips", "--json")))
	plain := p.demo("plain", flags())
	all := []string{"--print", "--markdown", "--with", "coded.json"}
	for _, client := range []string{"FAB", "COE", "HA", "BBD"} {
		all = append(all, "--with", p.demo(client, flags()).withApp(client))
	}
	pin := regexp.MustCompile(`(?m)^pin +(\w+)$`).FindStringSubmatch(must(p.t, plain.grove("printers", "pin", plain.serial)))[1]
	return must(p.t, plain.play(append(all, "--pin", pin)...))
}

// withApp plays one of the clients that know authenticators as an account that has
// one, and gives the file with what was found. Of several clients each would have
// to wait for its code, since none counts twice.
func (d demo) withApp(client string) (file string) {
	d.t.Helper()
	secret := regexp.MustCompile(`"secret": "(\w+)"`).FindStringSubmatch(must(d.t, d.grove("account", "app", "--json")))[1]
	// The code of the step before, so that the client may use that of now. Once more
	// when a step ended on the way.
	for tries := 0; ; tries++ {
		code, err := totp.GenerateCode(secret, time.Now().Add(-30*time.Second))
		if err != nil {
			d.t.Fatal(err)
		}
		status, _, says := ends(d.t, d.grove("account", "app", "--code", code))
		if status == 0 {
			break
		}
		if tries == 2 {
			d.t.Fatalf("exit code %d: %s", status, says)
		}
	}
	d.keep(client+".json", must(d.t, d.play("--only", client, "--totp", secret, "--allow-skips", "--json")))
	return client + ".json"
}

// demo is a cloud of its own and who is signed in to it: the failures that clients
// provoke count for their address.
type demo struct {
	place

	env    []string
	serial string
}

func (p place) demo(data string, flags []string) demo {
	p.t.Helper()
	banner := p.serve(append(flags, "--demo", "--data", data, "--limits", "off")...)
	of := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(banner)
		if found == nil {
			p.t.Fatalf("the banner has no %s:\n%s", pattern, banner)
		}
		return found[1]
	}
	d := demo{p, []string{
		"GROVE_PASSWORD=grove-demo", "GROVE_URL=" + of(`HTTP API +(\S+)`), "GROVE_MQTT=" + of(`MQTT +(\S+)`), "GROVE_CA=" + of(`CA file +(\S+)`),
		"GROVE_TOKEN_FILE=" + data + ".token",
	}, of(`DEVICE_ID = "(\w+)"`)}
	must(p.t, d.grove("login", server.DemoEmail))
	return d
}

func (d demo) grove(args ...string) *exec.Cmd {
	c := d.command("grove", args...)
	c.Env = append(c.Env, d.env...)
	return c
}

func (d demo) play(flags ...string) *exec.Cmd {
	return d.grove(append([]string{"conformance", "--account", server.DemoEmail, "--printer", d.serial}, flags...)...)
}

func (d demo) keep(name, content string) {
	d.t.Helper()
	if err := os.WriteFile(filepath.Join(d.dir, name), []byte(content), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// answering runs a command that asks for codes, and gives it those that the server
// would have mailed.
func (d demo) answering(c *exec.Cmd) string {
	d.t.Helper()
	var out bytes.Buffer
	c.Stdout = &out
	in, err := c.StdinPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	asked, err := c.StderrPipe()
	if err != nil {
		d.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		d.t.Fatal(err)
	}
	known := map[string]bool{}
	questions := bufio.NewReader(asked)
	var said strings.Builder
	for {
		words, err := questions.ReadString(':')
		said.WriteString(words)
		if err != nil {
			break
		}
		if strings.HasSuffix(words, "was sent:") {
			fmt.Fprintln(in, d.newest(known))
		}
	}
	if err := c.Wait(); err != nil {
		d.t.Fatalf("%q: %v: %s", c.Args, err, said.String())
	}
	return out.String()
}

var codeInLetter = regexp.MustCompile(`\b\d{6}\b`)

// newest waits for a letter that was not there at the last question.
func (d demo) newest(known map[string]bool) (code string) {
	d.t.Helper()
	for tick := time.NewTicker(20 * time.Millisecond); code == ""; <-tick.C {
		var letters []cloudapi.Letter
		if err := json.Unmarshal([]byte(must(d.t, d.grove("people", "letters", "--json"))), &letters); err != nil {
			d.t.Fatal(err)
		}
		for _, l := range letters {
			found := codeInLetter.FindString(l.Text)
			if !known[found] {
				code, known[found] = found, true
			}
		}
	}
	return code
}

// must runs a command that has to do what it is for, and gives what it prints.
func must(t *testing.T, c *exec.Cmd) string {
	t.Helper()
	code, out, errs := ends(t, c)
	if code != 0 {
		t.Fatalf("%q: exit code %d: %s", c.Args, code, errs)
	}
	return out
}
