package server

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/sim"
)

// pythonExample is the Cloud API documentation's MQTT example. Only host, port,
// CA file, device id and access code are filled in.
const pythonExample = `
import json
import paho.mqtt.client as mqtt

# Connection details
BROKER = "%s"
PORT = %s
DEVICE_ID = "%s"
ACCESS_CODE = "%s"

# Create MQTT client
client = mqtt.Client()
client.username_pw_set(username="bblp", password=ACCESS_CODE)
client.tls_set(ca_certs="%s")

# Connect to broker
client.connect(BROKER, PORT, 60)

# Send pause command
topic = f"device/{DEVICE_ID}/request"
command = {"print": {"command": "pause"}}
client.publish(topic, json.dumps(command))

# Send temperature command
command = {"print": {"command": "set_nozzle_temp", "param": "220"}}
client.publish(topic, json.dumps(command))

client.disconnect()
`

// python is Debian's, which has python3-paho-mqtt.
func python(t *testing.T) string {
	t.Helper()
	const name = "/usr/bin/python3"
	if err := exec.Command(name, "-c", "import paho.mqtt.client").Run(); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("python3-paho-mqtt is not installed: %v", err)
		}
		t.Skip("python3-paho-mqtt is not installed")
	}
	return name
}

// The example publishes twice, disconnects and closes without ever reading. It
// must take effect every time: 200 times here, 50 on each of four printers.
func TestThePythonExampleTakesEffectEveryTime(t *testing.T) {
	t.Parallel()
	interpreter := python(t)
	c := testConfig(t)
	c.Log = slog.New(slog.NewTextHandler(t.Output(), nil)) // it would say what was refused
	h := owned(t, c)
	host, port, err := net.SplitHostPort(h.info.MQTTS)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		t.Run(fmt.Sprint("printer ", n), func(t *testing.T) {
			t.Parallel()
			serial := fmt.Sprintf("01P00A00000010%d", n)
			// Switched on only now: its print must outlast the 50 runs.
			h.printer(func(c *sim.Config) {
				c.Serial, c.Speed, c.Tick, c.Begin, c.Seed = serial, 1, 200*time.Millisecond, sim.BeginPrinting, int64(n)
			})
			h.connected(serial)
			p, err := h.server.db.Printer(t.Context(), serial)
			if err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf(pythonExample, host, port, serial, string(p.AccessCode), h.info.CAFile)
			for i := range 50 {
				run := exec.Command(interpreter, "-W", "ignore", "-c", script)
				if out, err := run.CombinedOutput(); err != nil {
					t.Fatalf("run %d: %v\n%s", i, err, out)
				}
				h.shows(t, serial, "PAUSE", 220)
				h.command(t, serial, map[string]any{"command": "resume"})
				h.command(t, serial, map[string]any{"command": "set_nozzle_temp", "param": 180})
				h.shows(t, serial, "RUNNING", 180)
			}
		})
	}
}

// shows waits until a printer's reports show a state and a nozzle target.
func (h *house) shows(t *testing.T, serial, state string, celsius float64) {
	t.Helper()
	var last grove.Live
	defer func() {
		if t.Failed() {
			t.Logf("it is in %s with %.0f °C, connected %t, reported at %s", last.Shadow.State, last.Shadow.NozzleTargetCelsius, last.Connected, last.ReportedAt)
		}
	}()
	until(t, fmt.Sprintf("%s is in %s with %.0f °C", serial, state, celsius), func() bool {
		live, err := h.server.fleet.Now(serial)
		last = live
		return err == nil && live.Shadow.State == state && live.Shadow.NozzleTargetCelsius == celsius
	})
}

func (h *house) command(t *testing.T, serial string, fields map[string]any) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"print": fields})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.Command(t.Context(), serial, raw); err != nil {
		t.Fatal(err)
	}
}

// The nine documented commands, exactly as printed, over MQTT with an access
// code, each with the effect that the printer's reports then show.
func TestTheNineCommandsShowTheirEffect(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	const x1e = "03W00A000000001"
	h.printer(func(c *sim.Config) { c.Serial, c.Model, c.Speed, c.Begin = x1e, "X1E", 1, sim.BeginPrinting })
	h.connected(x1e)
	for _, c := range []struct {
		command, param string
		shows          func(s grove.Shadow) bool
	}{
		{"pause", "", func(s grove.Shadow) bool { return s.State == "PAUSE" }},
		{"resume", "", func(s grove.Shadow) bool { return s.State == "RUNNING" }},
		{"set_nozzle_temp", `"220"`, func(s grove.Shadow) bool { return s.NozzleTargetCelsius == 220 }},
		{"set_nozzle_temp", `215`, func(s grove.Shadow) bool { return s.NozzleTargetCelsius == 215 }},
		{"set_bed_temp", `"65"`, func(s grove.Shadow) bool { return s.BedTargetCelsius == 65 }},
		{"set_chamber_temp", `"45"`, func(s grove.Shadow) bool { return s.ChamberTargetCelsius == 45 }},
		{"set_fan_speed", `"70"`, func(s grove.Shadow) bool { return near(s.PartFanPercent, 70) }},
		{"set_airduct", `"50"`, func(s grove.Shadow) bool { return near(s.AuxFanPercent, 50) }},
		{"set_ctt", `"30"`, func(s grove.Shadow) bool { return near(s.ChamberFanPercent, 30) }},
		{"stop", "", func(s grove.Shadow) bool { return s.State == "FAILED" }},
	} {
		message := `{"print": {"command": "` + c.command + `"}}`
		if c.param != "" {
			message = `{"print": {"command": "` + c.command + `", "param": ` + c.param + `}}`
		}
		if err := h.client.Publish(t.Context(), x1e, []byte(message)); err != nil {
			t.Fatal(err)
		}
		until(t, c.command+" "+c.param+" shows", func() bool {
			live, err := h.server.fleet.Now(x1e)
			return err == nil && c.shows(live.Shadow)
		})
	}
}

// near allows for the printer's own steps: fans report in fifteenths.
func near(got, want int) bool { return got-want <= 7 && want-got <= 7 }

// A client that asks for what the model can't do, or for nonsense, reads why on
// the report topic.
func TestARefusedCommandIsToldInWordsOnTheReportTopic(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer()
	h.connected(bench)
	spy := h.subscribe(bench)
	for _, c := range []struct{ message, says string }{
		{`{"print":{"command":"set_nozzle_temp","param":"301"}}`, "300"},
		{`{"print":{"command":"set_bed_temp","param":"-1"}}`, "0"},
		{`{"print":{"command":"set_fan_speed","param":"101"}}`, "100"},
		{`{"print":{"command":"set_fan_speed","param":"fast"}}`, "number"},
		{`{"print":{"command":"set_chamber_temp","param":"45"}}`, "chamber"},
		{`{"print":{"command":"brew"}}`, "brew"},
	} {
		if err := h.client.Publish(t.Context(), bench, []byte(c.message)); err != nil {
			t.Fatal(err)
		}
		deadline := time.NewTimer(10 * time.Second)
		for told := false; !told; {
			select {
			case report := <-spy:
				told = strings.Contains(report, `"result":"fail"`) && strings.Contains(report, c.says)
			case <-deadline.C:
				t.Fatalf("%s: nobody was told", c.message)
			}
		}
		deadline.Stop()
	}
}
