package bambu_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

func read(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func merge(tb testing.TB, s *bambu.State, payload []byte) bambu.Report {
	tb.Helper()
	r, err := s.Merge(payload)
	if err != nil {
		tb.Fatalf("merge %.200s: %v", payload, err)
	}
	return r
}

// decode reads JSON with its number text.
func decode(tb testing.TB, b []byte) map[string]any {
	tb.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var m map[string]any
	if err := d.Decode(&m); err != nil {
		tb.Fatalf("decode %.200s: %v", b, err)
	}
	return m
}

// merged is the state after reports whose print objects are given without braces.
func merged(tb testing.TB, reports ...string) string {
	tb.Helper()
	s := bambu.NewState()
	for _, r := range reports {
		merge(tb, s, []byte(`{"print":{"command":"push_status",`+r+`}}`))
	}
	return string(s.JSON())
}

func TestMergeFollowsWhatFirmwareSends(t *testing.T) {
	t.Parallel()
	const two = `"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","tray_type":"PLA","remain":70},{"id":"1","tray_type":"ABS","state":11}]},{"id":"1","tray":[]}]}`
	const spool = `"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","tray_color":"FF0000FF","remain":70,"tag_uid":"A1B2","tray_uuid":"C3D4"}]}]}`
	for name, row := range map[string]struct {
		reports []string
		want    string
	}{
		"members that are not sent stay": {
			[]string{`"msg":0,"a":1,"b":{"c":2,"d":3}`, `"msg":1,"b":{"c":4}`}, `{"a":1,"b":{"c":4,"d":3}}`,
		},
		"order is that of the printer, new members at the end": {
			[]string{`"z":1,"a":2`, `"a":3,"m":4,"z":5`}, `{"z":5,"a":3,"m":4}`,
		},
		"another type replaces": {
			[]string{`"a":{"x":[1]},"b":[1],"c":1,"d":{"x":1}`, `"a":"text","b":{"y":2},"c":[{}],"d":null`}, `{"a":"text","b":{"y":2},"c":[{}],"d":null}`,
		},
		"lists are replaced whole": {
			[]string{
				`"hms":[{"attr":1,"code":2},{"attr":3,"code":4}],"stg":[1,2,3],"lights_report":[{"node":"a","mode":"on"},{"node":"b","mode":"on"}],"care":[{"id":"ls","info":"1"},{"id":"cr","info":"2"}]`,
				`"hms":[{"attr":5}],"stg":[],"lights_report":[{"node":"b","mode":"off"}],"care":[{"id":"cr","info":"3"}]`,
			},
			`{"hms":[{"attr":5}],"stg":[],"lights_report":[{"node":"b","mode":"off"}],"care":[{"id":"cr","info":"3"}]}`,
		},
		"number text stays": {
			[]string{`"a":0.4000000059604645,"b":9007199254740993,"c":1.50,"d":1e5,"e":-0`},
			`{"a":0.4000000059604645,"b":9007199254740993,"c":1.50,"d":1e5,"e":-0}`,
		},
		"a name with escapes is the same name": {
			[]string{`"n\u0061me":1,"tab\there":2,"\u00fc":3`, `"name":4,"tab\u0009here":5,"ü":6`}, `{"name":4,"tab\there":5,"ü":6}`,
		},
		"a unit and a tray are found by id": {
			[]string{two, `"msg":1,"ams":{"ams":[{"id":"0","tray":[{"id":"1","state":3}]}]}`},
			`{"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","tray_type":"PLA","remain":70},{"id":"1","tray_type":"ABS","state":3}]},{"id":"1","tray":[]}]}}`,
		},
		"an id may change from text to number": {
			[]string{two, `"msg":1,"ams":{"ams":[{"id":1,"humidity":"5"}]}`},
			`{"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","tray_type":"PLA","remain":70},{"id":"1","tray_type":"ABS","state":11}]},{"id":1,"tray":[],"humidity":"5"}]}}`,
		},
		"a unit that comes is added": {
			[]string{two, `"msg":1,"ams":{"ams":[{"id":"128","tray":[{"id":"0"}]}]}`},
			`{"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","tray_type":"PLA","remain":70},{"id":"1","tray_type":"ABS","state":11}]},{"id":"1","tray":[]},{"id":"128","tray":[{"id":"0"}]}]}}`,
		},
		"a full report tells which units there are": {
			[]string{two, `"msg":0,"ams":{"ams":[{"id":"1","tray":[]}]}`}, `{"ams":{"ams":[{"id":"1","tray":[]}]}}`,
		},
		"a change without units takes none away": {
			[]string{`"ams":{"ams":[{"id":"0"}]}`, `"msg":1,"ams":{"ams":[]}`}, `{"ams":{"ams":[{"id":"0"}]}}`,
		},
		"units without ids are replaced": {
			[]string{`"ams":{"ams":[{"id":"0"}]}`, `"msg":1,"ams":{"ams":[{"humidity":"1"}]}`}, `{"ams":{"ams":[{"humidity":"1"}]}}`,
		},
		"a tray with nothing but an id lost its spool": {
			[]string{two, `"msg":1,"ams":{"ams":[{"id":"0","tray":[{"id":"1"}]}]}`},
			`{"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","tray_type":"PLA","remain":70},{"id":"1"}]},{"id":"1","tray":[]}]}}`,
		},
		"an empty tray's state means that too": {
			[]string{two, `"msg":1,"ams":{"ams":[{"id":"0","tray":[{"id":"0","state":9},{"id":"1","state":8}]}]}`},
			`{"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","state":9},{"id":"1","state":8}]},{"id":"1","tray":[]}]}}`,
		},
		"another state of a tray does not": {
			[]string{spool, `"msg":1,"ams":{"ams":[{"id":"0","tray":[{"id":"0","state":17}]}]}`},
			`{"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","tray_color":"FF0000FF","remain":70,"tag_uid":"A1B2","tray_uuid":"C3D4","state":17}]}]}}`,
		},
		"the bits know which trays are empty": {
			[]string{two, `"msg":1,"ams":{"tray_exist_bits":"1"}`},
			`{"ams":{"ams":[{"id":"0","humidity":"4","tray":[{"id":"0","tray_type":"PLA","remain":70},{"id":"1","state":11}]},{"id":"1","tray":[]}],"tray_exist_bits":"1"}}`,
		},
		"the bits know which units are gone": {
			[]string{two, `"msg":1,"ams":{"ams":[],"ams_exist_bits":"2"}`}, `{"ams":{"ams":[{"id":"1","tray":[]}],"ams_exist_bits":"2"}}`,
		},
		"bits that are no hex change nothing": {
			[]string{spool, `"msg":1,"ams":{"tray_exist_bits":"","ams_exist_bits":"none"}`},
			`{"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","tray_color":"FF0000FF","remain":70,"tag_uid":"A1B2","tray_uuid":"C3D4"}]}],"tray_exist_bits":"","ams_exist_bits":"none"}}`,
		},
		"the bits of an AMS HT lie behind the others": {
			[]string{`"ams":{"ams":[{"id":"128","tray":[{"id":"0","tray_type":"PA"}]},{"id":"129","tray":[{"id":"0","tray_type":"PA"}]},{"id":"16","tray":[{"id":"1","tray_type":"PA"}]}],"tray_exist_bits":"2020000"}`},
			`{"ams":{"ams":[{"id":"128","tray":[{"id":"0"}]},{"id":"129","tray":[{"id":"0","tray_type":"PA"}]},{"id":"16","tray":[{"id":"1","tray_type":"PA"}]}],"tray_exist_bits":"2020000"}}`,
		},
		"a tag of zeros does not erase a known one": {
			[]string{spool, `"msg":1,"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","remain":69,"tag_uid":"0000","tray_uuid":"0000"}]}]}`},
			`{"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","tray_color":"FF0000FF","remain":69,"tag_uid":"A1B2","tray_uuid":"C3D4"}]}]}}`,
		},
		"unless it is another spool": {
			[]string{spool, `"msg":1,"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_color":"00FF00FF","tag_uid":"0000"}]}]}`},
			`{"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","tray_color":"00FF00FF","remain":70,"tag_uid":"0000","tray_uuid":"C3D4"}]}]}}`,
		},
		"a full report may erase it": {
			[]string{spool, `"msg":0,"ams":{"ams":[{"id":"0","tray":[{"id":"0","tag_uid":"0000"}]}]}`},
			`{"ams":{"ams":[{"id":"0","tray":[{"id":"0","tray_type":"PLA","tray_color":"FF0000FF","remain":70,"tag_uid":"0000","tray_uuid":"C3D4"}]}]}}`,
		},
		"external spools, extruders and nozzles are found by id": {
			[]string{
				`"vir_slot":[{"id":"255","tray_type":"PLA"},{"id":"254","tray_type":"ABS"}],"device":{"extruder":{"state":2,"info":[{"id":0,"temp":1},{"id":1,"temp":2}]},"nozzle":{"info":[{"id":0,"wear":0}]}}`,
				`"msg":1,"vir_slot":[{"id":"254","remain":5}],"device":{"extruder":{"info":[{"id":1,"temp":3}]},"nozzle":{"info":[{"id":16,"wear":1}]}}`,
			},
			`{"vir_slot":[{"id":"255","tray_type":"PLA"},{"id":"254","tray_type":"ABS","remain":5}],"device":{"extruder":{"state":2,"info":[{"id":0,"temp":1},{"id":1,"temp":3}]},"nozzle":{"info":[{"id":0,"wear":0},{"id":16,"wear":1}]}}}`,
		},
		"a part of the external spool is merged": {
			[]string{`"vt_tray":{"id":"254","tray_type":"PLA","k":0.02}`, `"msg":1,"vt_tray":{"k":0.03}`}, `{"vt_tray":{"id":"254","tray_type":"PLA","k":0.03}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := merged(t, row.reports...); got != row.want {
				t.Errorf("\n got %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestAReportIsTakenForWhatItIs(t *testing.T) {
	t.Parallel()
	members := []string{`"gcode_state":"IDLE"`}
	for i := range 45 {
		members = append(members, fmt.Sprintf(`"k%d":%d`, i, i))
	}
	many := strings.Join(members, ",")
	for payload, want := range map[string]bambu.Report{
		`{"print":{"command":"push_status","msg":0,"sequence_id":"2021"}}`: {Class: "print", Command: "push_status", SequenceID: "2021", Full: true, Merged: true},
		`{"print":{"command":"push_status","msg":1,"sequence_id":7}}`:      {Class: "print", Command: "push_status", SequenceID: "7", Merged: true},
		`{"print":{"command":"push_status",` + many + `}}`:                 {Class: "print", Command: "push_status", Full: true, Stated: true, Merged: true},
		`{"print":{"command":"push_status",` + many + `,"msg":1}}`:         {Class: "print", Command: "push_status", Stated: true, Merged: true},
		`{"print":{"gcode_state":"IDLE"}}`:                                 {Class: "print", Stated: true, Merged: true},
		`{"print":{"home_flag":-1}}` + "\x00":                              {Class: "print", Merged: true},
		`{"print":{"command":"gcode_line","sequence_id":"5","result":"FAIL","reason":"mqtt message verify failed","err_code":84033543}}`: {
			Class: "print", Command: "gcode_line", SequenceID: "5", Result: "FAIL", Reason: "mqtt message verify failed", ErrCode: 0x05024007,
		},
		`{"info":{"command":"get_version","sequence_id":"1","module":[]}}`:              {Class: "info", Command: "get_version", SequenceID: "1"},
		`{"user_id":"5","system":{"command":"ledctrl","result":"success"}}`:             {Class: "system", Command: "ledctrl", Result: "success"},
		`{"event":{"event":"client.connected"}}`:                                        {Class: "event"},
		`{"mc_print":{"command":"push_info","param":"log"},"print":{"mc_percent":4}}`:   {Class: "print", Merged: true},
		`{"print":{"command":"project_file","msg":0,"result":"SUCCESS","reason":""}}`:   {Class: "print", Command: "project_file", Result: "SUCCESS"},
		`{"print":{"comm\u0061nd":"push\u005fstatus","gcode_state":"RUNNING","msg":0}}`: {Class: "print", Command: "push_status", Full: true, Stated: true, Merged: true},
	} {
		s := bambu.NewState()
		got := merge(t, s, []byte(payload))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", payload, diff)
		}
		if !want.Merged && string(s.JSON()) != "{}" {
			t.Errorf("%s went into the state: %s", payload, s.JSON())
		}
	}
}

func TestAReplyDoesNotChangeTheState(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	merge(t, s, []byte(`{"print":{"gcode_state":"RUNNING","gcode_file":"a"}}`))
	before := string(s.JSON())
	merge(t, s, []byte(`{"print":{"command":"project_file","gcode_state":"IDLE","gcode_file":"b","msg":0}}`))
	if after := string(s.JSON()); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestABrokenReportLeavesTheStateAlone(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	merge(t, s, read(t, "p1s_full.json"))
	before := string(s.JSON())
	for name, payload := range map[string]string{
		"nothing":         ``,
		"cut off":         `{"print":{"gcode_state":"IDLE","mc_percent":0,"ams":{"ams":[{"id":"0"`,
		"no object":       `[]`,
		"no class":        `{}`,
		"a class of text": `{"print":"gcode_state"}`,
		"too deep":        `{"print":{"gcode_state":"IDLE","a":` + strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 42),
		"too many":        `{"print":{"gcode_state":"IDLE","a":[` + strings.Repeat(`1,`, 40_000) + `1]}}`,
		"a bare word":     `{"print":{"gcode_state":IDLE}}`,
	} {
		if r, err := s.Merge([]byte(payload)); !errors.Is(err, grove.Invalid) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := s.Merge(bytes.Repeat([]byte(" "), 257<<10)); !errors.Is(err, grove.TooLarge) {
		t.Errorf("a report of 257 KiB: %v", err)
	}
	if after := string(s.JSON()); after != before {
		t.Error("a report that could not be read changed the state")
	}
}

func TestBytesThatAreNoTextDoNotLoseTheReport(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	merge(t, s, []byte("{\"print\":{\"subtask_name\":\"caf\xe9\",\"mc_percent\":7}}\x00"))
	if want := "{\"subtask_name\":\"caf\ufffd\",\"mc_percent\":7}"; string(s.JSON()) != want {
		t.Errorf("%s", s.JSON())
	}
}

func TestTheStateDoesNotKeepTheMessage(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	payload := []byte(`{"print":{"subtask_name":"benchy","n\u0061me":"x","list":[1,2,{"deep":"y"}]}}`)
	merge(t, s, payload)
	before := string(s.JSON())
	for i := range payload {
		payload[i] = '#'
	}
	if after := string(s.JSON()); after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func TestAPrinterCannotGrowItsStateForever(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	text, most, refused := strings.Repeat("x", 200<<10), 0, false
	for i := range 40 {
		_, err := s.Merge(fmt.Appendf(nil, `{"print":{"key%d":%q,"o%d":{"a":[1,2,3]}}}`, i, text, i))
		refused = refused || errors.Is(err, grove.TooLarge)
		most = max(most, len(s.JSON()))
	}
	if !refused || most > 4<<20 {
		t.Errorf("the state grew to %d bytes, refused: %v", most, refused)
	}
	lists := `[` + strings.Repeat(`1,`, 20_000) + `1]`
	for i := range 40 { // a short text becomes a long list
		_, err := s.Merge(fmt.Appendf(nil, `{"print":{"key%d":1}}`, i))
		if err == nil {
			_, err = s.Merge(fmt.Appendf(nil, `{"print":{"key%d":%s}}`, i, lists))
		}
		refused = refused || err != nil
	}
	if n := len(s.JSON()); n > 1<<20 {
		t.Errorf("the state grew to %d bytes", n)
	}
	for i := range 3000 {
		merge(t, s, fmt.Appendf(nil, `{"print":{"key%d":1}}`, i))
	}
	if n := len(decode(t, s.JSON())); n > 1100 {
		t.Errorf("%d members", n)
	}
}

func TestAStateComesBackAsItWasStored(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"p1s_full.json", "x1c_full.json", "h2d_full.json"} {
		s := bambu.NewState()
		merge(t, s, read(t, name))
		again, err := bambu.LoadState(s.JSON())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(s.JSON()), string(again.JSON())); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if diff := cmp.Diff(s.Shadow(), again.Shadow()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, bad := range []string{"", "[]", "null", "{", "\xff"} {
		if s, err := bambu.LoadState([]byte(bad)); err == nil {
			t.Errorf("%q loaded as %s", bad, s.JSON())
		}
	}
}

func TestPushStatusIsAFullReport(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	if got, want := string(s.PushStatus("5", time.Time{})), `{"print":{"command":"push_status","msg":0,"sequence_id":"5"}}`; got != want {
		t.Errorf("of nothing: %s", got)
	}
	merge(t, s, read(t, "p1s_full.json"))
	want := decode(t, read(t, "p1s_full.json"))
	want["print"].(map[string]any)["sequence_id"] = "77"
	if diff := cmp.Diff(want, decode(t, s.PushStatus("77", time.Time{}))); diff != "" {
		t.Error(diff)
	}
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.FixedZone("", 3600))
	want["print"].(map[string]any)["grove_reported_at"] = "2026-11-22T11:00:00Z"
	if diff := cmp.Diff(want, decode(t, s.PushStatus("77", at))); diff != "" {
		t.Error(diff)
	}
	other := bambu.NewState()
	if r := merge(t, other, s.PushStatus("77", at)); !r.Full || !r.Merged || string(other.JSON()) != string(s.JSON()) {
		t.Errorf("%+v", r)
	}
}

// TestAPrintOfAP1S follows a full report and the changes after it.
func TestAPrintOfAP1S(t *testing.T) {
	t.Parallel()
	s := bambu.NewState()
	merge(t, s, read(t, "p1s_full.json"))
	var b strings.Builder
	show := func() {
		sh, err := json.MarshalIndent(s.Shadow(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n%s\n", sh, s.JSON())
	}
	show()
	for line := range bytes.Lines(read(t, "p1s_deltas.jsonl")) {
		if r := merge(t, s, line); r.Full || !r.Merged {
			t.Errorf("%s: %+v", line, r)
		}
	}
	show()
	golden(t, "p1s_print.golden", b.String())
}

func TestAMergeAllocatesAlmostNothing(t *testing.T) {
	s, delta := bambu.NewState(), bigDelta()
	merge(t, s, bigReport(t))
	merge(t, s, delta)
	if n := testing.AllocsPerRun(100, func() { merge(t, s, delta) }); n > 10 {
		t.Errorf("%v allocations for a report of known members, more than 10", n)
	}
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	for kind, want := range map[bambu.Kind]string{
		bambu.KindUnknown: "unknown", bambu.KindRead: "read", bambu.KindControl: "control", bambu.KindHeat: "heat", bambu.KindGcode: "gcode", bambu.KindStart: "start",
	} {
		if got := kind.String(); got != want {
			t.Errorf("%d: %s", kind, got)
		}
	}
}
