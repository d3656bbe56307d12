package sim

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// spoken is one of the nine commands in the cloud's own form, and how reports show
// that it was carried out.
type spoken struct {
	command, param string
	shows          func(grove.Shadow) bool
}

// nine are in an order in which each of them changes something. Fans show in
// fifteenths.
var nine = []spoken{
	{"set_nozzle_temp", "215", func(s grove.Shadow) bool { return s.NozzleTargetCelsius == 215 }},
	{"set_bed_temp", "65", func(s grove.Shadow) bool { return s.BedTargetCelsius == 65 }},
	{"set_chamber_temp", "45", func(s grove.Shadow) bool { return s.ChamberTargetCelsius == 45 }},
	{"set_chamber_temp", "50", func(s grove.Shadow) bool { return s.ChamberTargetCelsius == 50 }},
	{"set_chamber_temp", "0", func(s grove.Shadow) bool { return s.ChamberTargetCelsius == 0 }},
	{"set_fan_speed", "34", func(s grove.Shadow) bool { return near(s.PartFanPercent, 30) }},
	{"set_airduct", "50", func(s grove.Shadow) bool { return near(s.AuxFanPercent, 50) }},
	{"set_ctt", "100", func(s grove.Shadow) bool { return near(s.ChamberFanPercent, 100) }},
	{"pause", "", func(s grove.Shadow) bool { return s.State == statePause }},
	{"resume", "", func(s grove.Shadow) bool { return s.State == stateRunning }},
	{"stop", "", func(s grove.Shadow) bool { return s.State == stateFailed }},
}

func near(got, want int) bool { return got-want <= 7 && want-got <= 7 }

// Every model is told the nine commands over MQTT in the words that it is told by
// the cloud, and its reports show the effect; what it can't do is refused in words.
func TestEveryModelCarriesOutTheNineCommandsInItsOwnWords(t *testing.T) {
	t.Parallel()
	models := bambu.Models()
	said := make([]string, len(models))
	t.Cleanup(func() { golden(t, "nine.golden", strings.Join(said, "")) })
	for i, model := range models {
		t.Run(model.Name, func(t *testing.T) {
			t.Parallel()
			b := onLAN(t, Config{Model: model.Code, Begin: BeginPrinting, Serial: (model.SerialPrefix + "00A000000001")[:15]})
			b.pushall()
			if model.Nozzles > 1 {
				b.succeed("print", "select_extruder", map[string]any{"extruder_index": 1})
				b.until("device.extruder.state", 1<<8|1<<4|2)
			}
			said[i] = "== " + model.Name + "\n"
			for _, c := range nine {
				said[i] += c.command + " " + c.param + ": " + b.speak(model, c) + "\n"
			}
		})
	}
}

// speak tells a printer a command as a cloud would, waits until its reports show
// the effect, and gives what was sent or why it was not.
func (b *bench) speak(model bambu.Model, c spoken) string {
	b.t.Helper()
	body := `{"print":{"command":"` + c.command + `"}}`
	if c.param != "" {
		body = `{"print":{"command":"` + c.command + `","param":"` + c.param + `"}}`
	}
	requests, err := bambu.ParseRequests([]byte(body))
	must(b.t, err)
	state := b.merged()
	if err := bambu.Check(state.Narrow(model), requests[0]); err != nil {
		return "refused, " + err.Error()
	}
	const sequence = "41000"
	payload, err := bambu.Translate(model, state, requests[0], sequence)
	must(b.t, err)
	if c.shows(state.Shadow()) {
		b.t.Fatalf("%s %s would change nothing", c.command, c.param)
	}
	wait(b.t, b.viewer.Publish("device/"+b.Serial()+"/request", 0, false, payload))
	deadline := time.Now().Add(patience)
	for answered := false; !answered || !c.shows(b.merged().Shadow()); {
		if time.Now().After(deadline) {
			b.t.Fatalf("%s shows nothing of %s; answered %t", b.Serial(), payload, answered)
		}
		_, reply := b.read()
		if reply["sequence_id"] == sequence {
			answered = true
			if reply["result"] != "success" {
				b.t.Fatalf("%s: %v", payload, reply)
			}
		}
	}
	return string(payload)
}

// merged is what the printer said so far, as a cloud holds it.
func (b *bench) merged() *bambu.State {
	b.t.Helper()
	raw, err := json.Marshal(b.print)
	must(b.t, err)
	state, err := bambu.LoadState(raw)
	must(b.t, err)
	return state
}

// golden compares got with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
