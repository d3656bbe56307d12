package bambu_test

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// golden compares got with a file of testdata, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := "testdata/" + name
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, name)), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// documentedCommands are the nine with a value that most models take.
var documentedCommands = []struct{ command, param string }{
	{"pause", ""},
	{"resume", ""},
	{"stop", ""},
	{"set_nozzle_temp", `"220"`},
	{"set_bed_temp", `60`},
	{"set_chamber_temp", `"35"`},
	{"set_chamber_temp", `"45"`},
	{"set_fan_speed", `"74"`},
	{"set_airduct", `"50"`},
	{"set_ctt", `100`},
}

func TestEachModelGetsTheNineCommandsInItsOwnWords(t *testing.T) {
	t.Parallel()
	full := bambu.NewState()
	merge(t, full, read(t, "h2d_full.json"))
	older := bambu.NewState()
	merge(t, older, read(t, "p1s_full.json"))
	heating := bambu.NewState()
	merge(t, heating, []byte(`{"print":{"cfg":"0","fun":"0","aux":"0","stat":"0","device":{"airduct":{"modeCur":1},"extruder":{"state":2}}}}`))

	var b strings.Builder
	table := func(m bambu.Model, said string, s *bambu.State) {
		fmt.Fprintf(&b, "== %s, %s\n", m.Name, said)
		for _, c := range documentedCommands {
			fmt.Fprintln(&b, translated(t, m, s, c.command, c.param))
		}
	}
	for _, m := range append(bambu.Models(), bambu.Fallback()) {
		table(m, "nothing said", nil)
	}
	for _, name := range []string{"X1C", "P2S", "H2S", "H2D"} {
		table(model(t, name), "old firmware", older)
		table(model(t, name), "new firmware", full)
		table(model(t, name), "air duct heating", heating)
	}
	golden(t, "translate.golden", b.String())
}

func translated(t *testing.T, m bambu.Model, s *bambu.State, command, param string) string {
	t.Helper()
	payload := `{"print":{"command":"` + command + `"}}`
	if param != "" {
		payload = `{"print":{"command":"` + command + `","param":` + param + `}}`
	}
	r := parse(t, payload)
	if err := bambu.Check(m, r); err != nil {
		return command + " " + param + ": refused, " + err.Error()
	}
	b, err := bambu.Translate(m, s, r, "40001")
	if err != nil {
		t.Fatalf("%s: %s passed the check and is not translated: %v", m.Name, payload, err)
	}
	again := decode(t, b)["print"].(map[string]any)
	if again["sequence_id"] != "40001" || again["command"] == "" {
		t.Errorf("%s", b)
	}
	return command + " " + param + ": " + string(b)
}

func TestNativeCommandsKeepTheirMembersUnderANewSequenceID(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"print":{"sequence_id":"9","command":"resume","err":"50348044","param":"reserve","job_id":"123"}}`: `{"print":{"sequence_id":"40001","command":"resume","err":"50348044","param":"reserve","job_id":"123"}}`,
		`{"print":{"command":"set_ctt","ctt_val":45, "sequence_id":9}}`:                                      `{"print":{"sequence_id":"40001","command":"set_ctt","ctt_val":45}}`,
		`{"print":{"command":"skip_objects","obj_list":[1, 2],"timestamp":9007199254740993},"user_id":"1"}`:  `{"print":{"sequence_id":"40001","command":"skip_objects","obj_list":[1, 2],"timestamp":9007199254740993}}`,
		`{"system":{"comm\u0061nd":"ledctrl","led_node":"chamber_light","led_mode":"on"}}`:                   `{"system":{"sequence_id":"40001","command":"ledctrl","led_node":"chamber_light","led_mode":"on"}}`,
		`{"pushing":{"command":"pushall"}}`:                                                                  `{"pushing":{"sequence_id":"40001","command":"pushall"}}`,
		`{"print":{"command":"gcode_line","param":"G28\n","user_id":"1"}}`:                                   `{"print":{"sequence_id":"40001","command":"gcode_line","param":"G28\n","user_id":"1"}}`,
		`{"print":{"command":"set_nozzle_temp","extruder_index":1,"target_temp":220}}`:                       `{"print":{"sequence_id":"40001","command":"set_nozzle_temp","extruder_index":1,"target_temp":220}}`,
	} {
		got, err := bambu.Translate(model(t, "H2D"), nil, parse(t, payload), "40001")
		if err != nil || string(got) != want {
			t.Errorf("%s\n got %s (%v)\nwant %s", payload, got, err, want)
		}
	}
}

func TestWhatStartsAPrintIsNeverPassedOn(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"project_file", "gcode_file", "calibration", "extrusion_cali", "flowrate_cali", "unheard_of"} {
		got, err := bambu.Translate(model(t, "P1S"), nil, parse(t, `{"print":{"command":"`+command+`"}}`), "1")
		if !errors.Is(err, grove.Invalid) {
			t.Errorf("%s became %s (%v)", command, got, err)
		}
	}
}

func TestNoTranslationHappensOutOfRange(t *testing.T) {
	t.Parallel()
	got, err := bambu.Translate(model(t, "P1S"), nil, parse(t, `{"print":{"command":"set_nozzle_temp","param":"999"}}`), "1")
	if err == nil {
		t.Errorf("became %s", got)
	}
}

func TestAReplyEchoesTheRequest(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ payload, result, reason, want string }{
		{
			`{"print":{"command":"set_bed_temp","param":"999"}}`, "fail", `out of "range"`,
			`{"print":{"command":"set_bed_temp","param":"999","sequence_id":"0","result":"fail","reason":"out of \"range\""}}`,
		},
		{
			`{"print":{"sequence_id":20001,"command":"project_file","url":"x","result":"?"}}`, "success", "",
			`{"print":{"command":"project_file","url":"x","sequence_id":20001,"result":"success","reason":""}}`,
		},
		{
			`{"info":{"sequence_id":"5","command":"get_version"}}`, "fail", "offline \xff",
			`{"info":{"command":"get_version","sequence_id":"5","result":"fail","reason":"offline ` + "\ufffd" + `"}}`,
		},
	} {
		if got := string(bambu.Reply(parse(t, row.payload), row.result, row.reason)); got != row.want {
			t.Errorf("got  %s\nwant %s", got, row.want)
		}
	}
}
