package bambu_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// parse reads the one request of a payload.
func parse(tb testing.TB, payload string) bambu.Request {
	tb.Helper()
	all, err := bambu.ParseRequests([]byte(payload))
	if err != nil || len(all) != 1 {
		tb.Fatalf("parse %.200s: %d requests, %v", payload, len(all), err)
	}
	return all[0]
}

func TestARequestIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()
	r := parse(t, `{"print":{"command":"set_nozzle_temp","param":"220","sequence_id":"7"},"user_id":"1","header":{"sign_ver":"v1.0"}}`+"\x00\x00")
	if r.Class != "print" || r.Command != "set_nozzle_temp" || r.SequenceID != "7" || string(r.Fields["param"]) != `"220"` {
		t.Errorf("%+v", r)
	}
	if want := `{"command":"set_nozzle_temp","param":"220","sequence_id":"7"}`; string(r.Raw) != want {
		t.Errorf("raw %s", r.Raw)
	}
}

func TestARequestSaysWhichPrintItIsFor(t *testing.T) {
	t.Parallel()
	if r := parse(t, `{"print":{"command":"stop"}}`); r.Expected != nil {
		t.Errorf("of none: %+v", r.Expected)
	}
	r := parse(t, `{"expected_print":{"run":3,"task_id":"7"},"print":{"command":"stop"}}`)
	want := grove.ExpectedPrint{Run: 3, TaskID: "7"}
	if r.Expected == nil || *r.Expected != want || string(r.Raw) != `{"command":"stop"}` {
		t.Errorf("%+v of %s", r.Expected, r.Raw)
	}
}

func TestTheSequenceIDMayBeANumberOrMissing(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"print":{"command":"pause","sequence_id":20001}}`:            "20001",
		`{"print":{"command":"pause","sequence_id":9007199254740993}}`: "9007199254740993",
		`{"print":{"command":"pause","sequence_id":"a\u0062c"}}`:       "abc",
		`{"print":{"command":"pause"}}`:                                "",
	} {
		if r := parse(t, payload); r.SequenceID != want {
			t.Errorf("%s: %q", payload, r.SequenceID)
		}
	}
}

func TestOneMessageMayAskSeveralThings(t *testing.T) {
	t.Parallel()
	all, err := bambu.ParseRequests([]byte(`{"pushing":{"command":"pushall"},"info":{"command":"get_version"},"upgrade":{"command":"get_history"}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range all {
		got = append(got, r.Class+"."+r.Command)
	}
	if diff := cmp.Diff([]string{"pushing.pushall", "info.get_version", "upgrade.get_history"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAMessageThatIsNoCommandIsRefused(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]string{
		"nothing":                 ``,
		"only NULs":               "\x00\x00",
		"no JSON":                 `pause`,
		"cut off":                 `{"print":{"command":"pause"`,
		"more behind":             `{"print":{"command":"pause"}} {}`,
		"a list":                  `[{"print":{"command":"pause"}}]`,
		"empty":                   `{}`,
		"only an envelope":        `{"user_id":"1"}`,
		"an unknown class":        `{"gcode":{"command":"pause"}}`,
		"a printer's class":       `{"mc_print":{"command":"push_info"}}`,
		"one unknown class":       `{"print":{"command":"pause"},"other":{"command":"x"}}`,
		"no object":               `{"print":"pause"}`,
		"no command":              `{"print":{"param":""}}`,
		"an empty command":        `{"print":{"command":""}}`,
		"a command of a number":   `{"print":{"command":5}}`,
		"a strange sequence_id":   `{"print":{"command":"pause","sequence_id":{}}}`,
		"a class twice":           `{"print":{"command":"pause"},"print":{"command":"stop"}}`,
		"a command twice":         `{"print":{"command":"pause","command":"project_file"}}`,
		"a command twice, hidden": `{"print":{"command":"pause","comm\u0061nd":"project_file"}}`,
		"a value twice, deep":     `{"print":{"command":"pause","a":[{"b":1,"b":2}]}}`,
		"a control in a string":   "{\"print\":{\"command\":\"pau\nse\"}}",
		"only a print":            `{"expected_print":{"task_id":"7"}}`,
		"a print of no member":    `{"print":{"command":"stop"},"expected_print":{}}`,
		"a print of null":         `{"print":{"command":"stop"},"expected_print":null}`,
		"a print of a number":     `{"print":{"command":"stop"},"expected_print":{"task_id":7}}`,
		"a print of more":         `{"print":{"command":"stop"},"expected_print":{"task_id":"7","plate":1}}`,
		"a print of a file":       `{"print":{"command":"stop"},"expected_print":{"run":1,"file_name":"cube"}}`,
		"a print of an empty job": `{"print":{"command":"stop"},"expected_print":{"run":1,"task_id":""}}`,
		"a print of no run":       `{"print":{"command":"stop"},"expected_print":{"run":0,"task_id":"7"}}`,
		"a print of half a run":   `{"print":{"command":"stop"},"expected_print":{"run":1.5}}`,
		"a print of a run's name": `{"print":{"command":"stop"},"expected_print":{"run":"1"}}`,
		"a print of a great run":  `{"print":{"command":"stop"},"expected_print":{"run":99999999999999999999}}`,
		"a print in capitals":     `{"print":{"command":"stop"},"expected_print":{"Task_ID":"7"}}`,
		"a print of two jobs":     `{"print":{"command":"stop"},"expected_print":{"task_id":"7","task_id":"7"}}`,
		"a print of a list":       `{"print":{"command":"stop"},"expected_print":["7"]}`,
		"a print twice":           `{"print":{"command":"stop"},"expected_print":{"task_id":"7"},"expected_print":{"task_id":"8"}}`,
		"a bad escape":            `{"print":{"command":"pau\xse"}}`,
		"a bad number":            `{"print":{"command":"pause","n":01}}`,
		"very deep":               `{"print":{"command":"pause","a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all, err := bambu.ParseRequests([]byte(payload))
			if !errors.Is(err, grove.Invalid) {
				t.Errorf("got %d requests and error %v", len(all), err)
			}
		})
	}
}

func TestAMessageOver64KiBIsTooLarge(t *testing.T) {
	t.Parallel()
	payload := `{"print":{"command":"gcode_line","param":"` + strings.Repeat("G", 64<<10) + `"}}`
	if _, err := bambu.ParseRequests([]byte(payload)); !errors.Is(err, grove.TooLarge) {
		t.Errorf("error %v", err)
	}
}

func TestBytesThatAreNotTextAreReplacedNotDropped(t *testing.T) {
	t.Parallel()
	r := parse(t, "{\"print\":{\"command\":\"pause\",\"subtask_name\":\"caf\xe9\"}}")
	if got := string(r.Fields["subtask_name"]); got != "\"caf\ufffd\"" {
		t.Errorf("%q", got)
	}
}

func TestAnEscapedNameIsItself(t *testing.T) {
	t.Parallel()
	r := parse(t, `{"pr\u0069nt":{"comm\u0061nd":"st\u006fp"}}`)
	if r.Command != "stop" || !r.Urgent() {
		t.Errorf("%+v", r)
	}
}

func TestARequestDoesNotKeepItsMessage(t *testing.T) {
	t.Parallel()
	payload := []byte(`{"print":{"command":"set_bed_temp","param":"60"}}`)
	all, err := bambu.ParseRequests(payload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		payload[i] = '9'
	}
	if got := string(all[0].Raw) + string(all[0].Fields["param"]); strings.Contains(got, "99999") {
		t.Error(got)
	}
}

func TestEveryCommandHasItsKind(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bambu.Kind{
		`{"pushing":{"command":"pushall"}}`:                         bambu.KindRead,
		`{"info":{"command":"get_version"}}`:                        bambu.KindRead,
		`{"print":{"command":"pause"}}`:                             bambu.KindControl,
		`{"print":{"command":"stop"}}`:                              bambu.KindControl,
		`{"system":{"command":"ledctrl"}}`:                          bambu.KindControl,
		`{"system":{"command":"get_access_code"}}`:                  bambu.KindControl,
		`{"print":{"command":"set_fan_speed","param":1}}`:           bambu.KindControl,
		`{"print":{"command":"set_ctt","param":1}}`:                 bambu.KindControl,
		`{"print":{"command":"set_ctt","ctt_val":45}}`:              bambu.KindHeat,
		`{"print":{"command":"set_ctt"}}`:                           bambu.KindControl,
		`{"print":{"command":"set_nozzle_temp","param":"220"}}`:     bambu.KindHeat,
		`{"print":{"command":"set_bed_temp","temp":60}}`:            bambu.KindHeat,
		`{"print":{"command":"ams_change_filament"}}`:               bambu.KindHeat,
		`{"print":{"command":"gcode_line","param":"G28"}}`:          bambu.KindGcode,
		`{"print":{"command":"xyz_ctrl"}}`:                          bambu.KindGcode,
		`{"print":{"command":"project_file"}}`:                      bambu.KindStart,
		`{"print":{"command":"gcode_file"}}`:                        bambu.KindStart,
		`{"print":{"command":"calibration"}}`:                       bambu.KindStart,
		`{"print":{"command":"extrusion_cali"}}`:                    bambu.KindStart,
		`{"print":{"command":"extrusion_cali_get"}}`:                bambu.KindRead,
		`{"print":{"command":"format_everything"}}`:                 bambu.KindUnknown,
		`{"pushing":{"command":"pause"}}`:                           bambu.KindUnknown,
		`{"info":{"command":"project_file"}}`:                       bambu.KindUnknown,
		`{"print":{"command":"Pause"}}`:                             bambu.KindUnknown,
		`{"camera":{"command":"ipcam_record_set","control":"off"}}`: bambu.KindControl,
	} {
		if got := parse(t, payload).Kind(); got != want {
			t.Errorf("%s is %v, want %v", payload, got, want)
		}
	}
}

func TestOnlyStopAndPauseAreUrgent(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]bool{"stop": true, "pause": true, "resume": false, "gcode_line": false, "set_bed_temp": false} {
		if got := parse(t, `{"print":{"command":"`+command+`"}}`).Urgent(); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}

func TestTheDocumentedFormIsToldFromThePrinters(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bool{
		`{"print":{"command":"pause"}}`:                         true,
		`{"print":{"command":"set_ctt","param":"50"}}`:          true,
		`{"print":{"command":"set_ctt","ctt_val":50}}`:          false,
		`{"print":{"command":"set_airduct","param":50}}`:        true,
		`{"print":{"command":"set_airduct","modeId":1}}`:        false,
		`{"print":{"command":"set_bed_temp","temp":50}}`:        false,
		`{"print":{"command":"set_nozzle_temp","param":"220"}}`: true,
		`{"print":{"command":"gcode_line","param":"G28"}}`:      false,
		`{"system":{"command":"pause"}}`:                        false,
	} {
		if got := parse(t, payload).Documented(); got != want {
			t.Errorf("%s: %v", payload, got)
		}
	}
}
