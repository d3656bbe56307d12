package grove_test

import (
	"slices"
	"testing"

	"github.com/grovecloud/grove"
)

// TestPeopleAreToldOfWhatNeedsThemAndOfNothingElse goes through every type, so
// that a new one must say whether people are told of it.
func TestPeopleAreToldOfWhatNeedsThemAndOfNothingElse(t *testing.T) {
	t.Parallel()
	data := grove.EventData{DeviceName: "Bench", BridgeName: "Workshop", FileName: "cube.3mf", Status: "x", Reason: "why"}
	unnamed, printing := data, data
	unnamed.FileName = "" // begun at the printer's screen
	printing.Status = "printing"
	told := map[grove.EventType][]struct {
		data grove.EventData
		want string
	}{
		grove.PrintCompleted: {
			{data, "Bench finished cube.3mf."},
			{unnamed, "Bench finished a print."},
		},
		grove.PrintFailed: {
			{data, "Bench stopped before the end of cube.3mf: why"},
			{unnamed, "Bench stopped before the end of a print: why"},
		},
		grove.PrinterError:       {{data, "Bench reports an error: why"}},
		grove.PlateToClear:       {{data, "Clear the plate of Bench and confirm it; nothing starts there before."}},
		grove.StorageLeft:        {{data, "The file of cube.3mf can't be deleted from the storage of Bench: why"}},
		grove.PrinterQuarantined: {{data, "Bench is in quarantine, and nothing is sent to it: why"}},
		grove.BridgeDisconnected: {{data, "The bridge Workshop is not connected, so the printers behind it are not reached: why"}},
		grove.HeatEnding:         {{data, "Bench heats without a print: why"}},
		grove.JobUnknown: {
			{data, "It is not known whether cube.3mf began on Bench. Look at the printer and say so: why"},
			{unnamed, "It is not known whether a print began on Bench. Look at the printer and say so: why"},
		},
		grove.DeviceOffline: {
			{printing, "Bench went offline while printing. The printer goes on by itself; only the view is lost."},
			{data, ""},
		},
	}
	for _, kind := range append(grove.EventTypes(), grove.WebhookTest, "print.unheard_of") {
		cases := told[kind]
		if cases == nil {
			cases = append(cases, struct {
				data grove.EventData
				want string
			}{printing, ""})
		}
		for _, c := range cases {
			got, ok := grove.Event{Type: kind, Data: c.data}.Notice()
			if got != c.want || ok != (c.want != "") {
				t.Errorf("%s of %+v: got %q and %t, want %q", kind, c.data, got, ok, c.want)
			}
		}
		delete(told, kind)
	}
	if len(told) > 0 {
		t.Errorf("nobody can subscribe to %v", told)
	}
	if types := grove.EventTypes(); slices.Contains(types, grove.WebhookTest) {
		t.Error("the event of an endpoint's test can be subscribed to")
	}
}
