package main

import (
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove/internal/server"
	"github.com/grovecloud/grove/internal/store/storetest"
)

const compatibilityPage = "../../docs/compatibility.md"

// Every known client of the vendor's cloud is played against the program as people
// run it, on both databases, prints included. The page that tells what works is
// what such a run finds, so it can't claim more; -update rewrites it.
func TestThePageOfCompatibilityIsWhatARunFinds(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile(compatibilityPage)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		page := place{t: t, dir: t.TempDir()}.conformance()
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
		page := place{t: t, dir: t.TempDir()}.conformance("--database", storetest.Postgres(t, os.Getenv))
		if diff := cmp.Diff(string(want), page); diff != "" && !*update {
			t.Error(diff)
		}
	})
}

// conformance serves a demo and gives the page that a run against its printer makes.
func (p place) conformance(flags ...string) (page string) {
	p.t.Helper()
	banner := p.serve(append(flags, "--demo", "--data", "demo", "--limits", "off")...)
	of := func(pattern string) string {
		found := regexp.MustCompile(pattern).FindStringSubmatch(banner)
		if found == nil {
			p.t.Fatalf("the banner has no %s:\n%s", pattern, banner)
		}
		return found[1]
	}
	env := []string{"GROVE_PASSWORD=grove-demo", "GROVE_URL=" + of(`HTTP API +(\S+)`), "GROVE_MQTT=" + of(`MQTT +(\S+)`), "GROVE_CA=" + of(`CA file +(\S+)`)}
	grove := func(args ...string) *exec.Cmd {
		c := p.command("grove", args...)
		c.Env = append(c.Env, env...)
		return c
	}
	serial := of(`DEVICE_ID = "(\w+)"`)
	must(p.t, grove("login", server.DemoEmail))
	pin := regexp.MustCompile(`(?m)^pin +(\w+)$`).FindStringSubmatch(must(p.t, grove("printers", "pin", serial)))[1]
	c := grove("conformance", "--account", server.DemoEmail, "--printer", serial, "--pin", pin, "--print", "--markdown")
	code, page, errs := ends(p.t, c)
	if code > exitInternal || page == "" {
		p.t.Fatalf("exit code %d: %s", code, errs)
	}
	return page
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
