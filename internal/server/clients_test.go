package server

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/printfile/sample"
)

// npmClients is where scripts/clients/install puts what the tests run of npm.
func npmClients(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(cache, "grove-clients")
	_, missing := os.Stat(filepath.Join(dir, "installed"))
	_, noNode := exec.LookPath("node")
	if err := errors.Join(missing, noNode); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the clients of npm are not there: %v", err)
		}
		t.Skipf("run scripts/clients/install first: %v", err)
	}
	return dir
}

// reads runs a client until it ends and wants it to have read a state of the bench.
func reads(t *testing.T, secret string, command ...string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), command[0], command[1:]...)
	c.Env = append(os.Environ(), secret)
	out, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(out), " IDLE") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Clients that nobody here wrote sign in over TLS as a user, follow a printer, ask
// it for everything and read its answer, in each version of MQTT they speak.
func TestIndependentClientsFollowAPrinter(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer()
	h.connected(bench)
	who, err := h.client.Preference(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(h.info.MQTTS)
	if err != nil {
		t.Fatal(err)
	}
	user, token := fmt.Sprintf("u_%d", who.UID), "TOKEN="+string(h.client.Token())
	for _, version := range []string{"3", "4", "5"} {
		t.Run("paho-mqtt "+version, func(t *testing.T) {
			t.Parallel()
			reads(t, token, python(t), "-W", "ignore", "testdata/clients/follow.py", host, port, h.info.CAFile, user, bench, version)
		})
		t.Run("MQTT.js "+version, func(t *testing.T) {
			t.Parallel()
			reads(t, token, "node", "testdata/clients/mqttjs.mjs", npmClients(t), "mqtts://"+h.info.MQTTS, h.info.CAFile, user, bench, version)
		})
	}
}

// FDM Monster has port 8883 built in, so it gets a loopback address of its own. It
// asks for everything where nobody listens, on the report topic, so it needs a
// printer that always tells everything, as an X1 does.
func TestAPrintFarmProgramShowsAPrinter(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux answers on all of 127.0.0.0/8")
	}
	packages := npmClients(t)
	c := testConfig(t)
	const address = "127.83.83.83"
	c.MQTTS = net.JoinHostPort(address, "8883")
	c.AccessCodes = "any"
	h := owned(t, c)
	const x1 = "00M00A000000001"
	h.printer(func(c *sim.Config) { c.Serial, c.Model = x1, "X1 Carbon" })
	h.connected(x1)
	p, err := h.server.db.Printer(t.Context(), x1)
	if err != nil {
		t.Fatal(err)
	}
	reads(t, "CODE="+string(p.AccessCode), "node", "testdata/clients/fdm.mjs", packages, address, x1)
}

// The same program at a printer itself: it takes the simulator for one, brings and
// fetches a file and follows its print.
func TestAPrintFarmProgramTakesTheSimulatorForAPrinter(t *testing.T) {
	t.Parallel()
	packages, dir := npmClients(t), t.TempDir()
	path := filepath.Join(dir, "ledger")
	book, err := sim.OpenLedger(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = book.Close() })
	const x1 = "00M00A000000001"
	h := &house{t: t}
	p := h.onLAN(func(c *sim.Config) { c.Serial, c.Model, c.Ledger = x1, "X1 Carbon", book })
	body := sample.ThreeMF(sample.Model("BL-P001"), sample.Layers(10), sample.Seconds(2400))
	file, fetched := filepath.Join(dir, "cube.gcode.3mf"), filepath.Join(dir, "fetched")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	at := p.Ports()
	c := exec.CommandContext(t.Context(), "node", "testdata/clients/fdmlan.mjs", packages, at.Host, strconv.Itoa(at.MQTTS), strconv.Itoa(at.FTPS), x1, file, fetched)
	c.Env = append(os.Environ(), "CODE="+lanCode)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{fmt.Sprintf("uploaded %d\n", len(body)), "state IDLE ", "state RUNNING ", "state FINISH 100\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if back, err := os.ReadFile(fetched); err != nil || !bytes.Equal(back, body) {
		t.Errorf("%d bytes came back: %v", len(back), err)
	}
	if starts := ledger(t, path); len(starts) != 1 || starts[0].TaskID != "7" {
		t.Errorf("started %+v", starts)
	}
}
