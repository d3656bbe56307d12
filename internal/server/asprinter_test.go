package server

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/sim"
)

// Clients made for one printer find it here as if they spoke to it: with the user
// bblp and its access code, whether it dials in or stands on the network.
func TestClientsMadeForOnePrinterFindItHere(t *testing.T) {
	t.Parallel()
	printing := func(c *sim.Config) { c.Begin, c.Speed = sim.BeginPrinting, 1 }
	for name, printer := range map[string]func(h *house) *sim.Printer{
		"dials in": func(h *house) *sim.Printer { return h.printer(printing) },
		"on the network": func(h *house) *sim.Printer {
			p := h.onLAN(printing)
			h.add(p)
			return p
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := owned(t, lanConfig(t))
			p := printer(h)
			h.connected(bench)
			bound, err := h.server.db.Printer(t.Context(), bench)
			if err != nil {
				t.Fatal(err)
			}
			code := bound.AccessCode
			host, port, err := net.SplitHostPort(h.info.MQTTS)
			if err != nil {
				t.Fatal(err)
			}
			t.Run("paho", func(t *testing.T) {
				run := exec.CommandContext(t.Context(), python(t), "-W", "ignore", "testdata/clients/lan.py", host, port, h.info.CAFile, bench)
				run.Env = append(os.Environ(), "CODE="+string(code))
				out, err := run.CombinedOutput()
				if lines := strings.Count(string(out), " True "); err != nil || lines != 2 {
					t.Errorf("%v\n%s", err, out)
				}
			})
			t.Run("Debian's programs", func(t *testing.T) { h.shell(t, host, port, code) })
			if got := p.Clients(); name == "on the network" && got != 1 {
				t.Errorf("the printer sees %d clients", got)
			}
		})
	}
}

// shell has Debian's mosquitto_sub watch the bench and mosquitto_pub ask it for
// its versions and make it go on.
func (h *house) shell(t *testing.T, host, port string, code grove.Secret) {
	t.Helper()
	common := []string{"-h", host, "-p", port, "--cafile", h.info.CAFile, "-u", "bblp", "-P", string(code), "-q", "1"}
	watch := exec.CommandContext(t.Context(), debian(t, "mosquitto_sub"), append(common, "-d", "-k", "5", "-i", "ha", "-t", "device/"+bench+"/report")...)
	out, err := watch.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := watch.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100_000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	t.Cleanup(func() {
		_ = watch.Process.Kill()
		for range lines {
			continue // until it has ended
		}
		_ = watch.Wait()
	})
	hears := func(want string) {
		t.Helper()
		limit := time.After(30 * time.Second)
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					t.Fatalf("mosquitto_sub ended before %q", want)
				}
				if strings.Contains(line, want) {
					return
				}
			case <-limit:
				t.Fatalf("mosquitto_sub never printed %q", want)
			}
		}
	}
	hears("Subscribed")
	for _, c := range []struct{ ask, hears string }{
		{`{"info":{"sequence_id":"30001","command":"get_version"}}`, `        "sequence_id": "30001"`},
		{`{"print":{"sequence_id":"30002","command":"resume","param":""}}`, `        "sequence_id": "30002"`},
		{`{"pushing":{"sequence_id":"30003","command":"pushall"}}`, `        "gcode_state": "RUNNING"`},
	} {
		tell := exec.CommandContext(t.Context(), debian(t, "mosquitto_pub"), append(common, "-t", "device/"+bench+"/request", "-m", c.ask)...)
		if said, err := tell.CombinedOutput(); err != nil {
			t.Fatalf("mosquitto_pub: %v\n%s", err, bytes.TrimSpace(said))
		}
		hears(c.hears)
	}
}

// debian is a program that scripts/test installs.
func debian(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: %v", name, err)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}
