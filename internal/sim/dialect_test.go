package sim

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// reply reads the one reply among what a machine said.
func reply(t *testing.T, m *machine) map[string]any {
	t.Helper()
	for _, payload := range m.out {
		var message map[string]map[string]any
		must(t, json.Unmarshal(payload, &message))
		for _, body := range message {
			if body["command"] != "push_status" {
				return body
			}
		}
	}
	t.Fatalf("no reply in %s", m.out)
	return nil
}

// Both dialects of the documented commands: what the cloud lets through and
// translates must be carried out, what it refuses for a model must be refused there too.
func TestPrinterAndCloudAgreeOnTheNineCommands(t *testing.T) {
	t.Parallel()
	for _, model := range bambu.Models() {
		for _, command := range []string{
			`"command":"pause"`, `"command":"resume"`, `"command":"stop"`,
			`"command":"set_nozzle_temp","param":"220"`, `"command":"set_nozzle_temp","param":"351"`,
			`"command":"set_bed_temp","param":60`, `"command":"set_bed_temp","param":"121"`, `"command":"set_bed_temp","param":"hot"`,
			`"command":"set_chamber_temp","param":"45"`, `"command":"set_fan_speed","param":"50"`, `"command":"set_fan_speed","param":"101"`,
			`"command":"set_airduct","param":"50"`, `"command":"set_ctt","param":"50"`,
		} {
			t.Run(model.Name+" "+command, func(t *testing.T) {
				t.Parallel()
				payload := []byte(`{"print":{"sequence_id":"1",` + command + `}}`)
				requests, err := bambu.ParseRequests(payload)
				must(t, err)
				allowed := bambu.Check(model, requests[0]) == nil
				if got := tell(t, model, command, payload); got != allowed {
					t.Errorf("the cloud allows it: %t, the printer: %t", allowed, got)
				}
				if !allowed {
					return
				}
				state := bambu.NewState()
				m := newTestMachine(t, Config{Model: model.Code})
				_, err = state.Merge(m.report.everything(m))
				must(t, err)
				native, err := bambu.Translate(model, state, requests[0], "7")
				must(t, err)
				if !tell(t, model, command, native) {
					t.Errorf("the printer refuses its own dialect: %s", native)
				}
			})
		}
	}
}

// tell gives a printing machine a request and says whether it agreed.
func tell(t *testing.T, model bambu.Model, command string, payload []byte) bool {
	t.Helper()
	m := newTestMachine(t, Config{Model: model.Code, Begin: BeginPrinting})
	if strings.Contains(command, "resume") {
		must(t, m.pause(stagePaused))
	}
	m.hear(payload)
	return reply(t, m)["result"] == "success"
}

func TestTheCloudsStartIsUnderstood(t *testing.T) {
	t.Parallel()
	m := newTestMachine(t, Config{})
	m.hear(bambu.Start{
		SequenceID: "41000", TaskID: 731905, Nonce: "731906", Name: "bracket", File: "bracket.gcode.3mf", Plate: 3, ThreeMF: true,
		URL: "https://files.example/f/1?Signature=x", MD5: "0F343B0931126A20F133D67C2B018A3B", ProjectID: 5, ProfileID: 6,
		Options: grove.Options{UseAMS: true, AMSMapping: []int{-1, 2}, BedLeveling: true, FlowCali: true},
	}.Payload())
	if got := reply(t, m); got["result"] != "SUCCESS" || got["sequence_id"] != "41000" {
		t.Errorf("reply %v", got)
	}
	j := m.job
	want := order{
		url: "https://files.example/f/1?Signature=x", md5: "0F343B0931126A20F133D67C2B018A3B", name: "bracket.gcode.3mf", plate: 3,
		leveling: true, flow: true,
	}
	if j.order != want {
		t.Errorf("order %+v", j.order)
	}
	got := fmt.Sprint(j.taskID, j.subtaskID, j.projectID, j.profileID, j.name, j.kind, j.useAMS, j.mapping)
	if want := fmt.Sprint("731905", "731906", "5", "6", "bracket", "cloud", true, []int{-1, 2}); got != want {
		t.Errorf("job %s, want %s", got, want)
	}
}
