package bambu_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/grovecloud/grove/bambu"
)

// addReports seeds a fuzz test with the reports of testdata.
func addReports(f *testing.F) {
	f.Helper()
	for _, name := range []string{"p1s_full.json", "x1c_full.json", "h2d_full.json", "p1s_version.json"} {
		var compact bytes.Buffer
		if err := json.Compact(&compact, read(f, name)); err != nil {
			f.Fatal(err)
		}
		f.Add(compact.Bytes())
	}
	for line := range bytes.Lines(read(f, "p1s_deltas.jsonl")) {
		f.Add(line)
	}
	for _, s := range []string{
		"", "\x00", "{}", "[]", `{"print":{}}`, `{"print":{"a":1e999,"b":-0,"c":"\ud800","\ud800":1}}`, "{\"print\":{\"a\":\"\xff\"}}",
		`{"print":{"a":1,"a":{"b":2},"a":{"c":3}}}`, `{"print":{"ams":{"ams":[{"id":"0","tray":[{"id":"1"},{"id":1}]}],"tray_exist_bits":"0"}}}`,
	} {
		f.Add([]byte(s))
	}
}

func FuzzMerge(f *testing.F) {
	addReports(f)
	full := read(f, "p1s_full.json")
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := bambu.NewState()
		if _, err := s.Merge(full); err != nil {
			t.Fatal(err)
		}
		before := string(s.JSON())
		given := bytes.Clone(payload)
		r, err := s.Merge(payload)
		if !bytes.Equal(given, payload) {
			t.Fatal("the payload was written to")
		}
		after := s.JSON()
		if (err != nil || !r.Merged) && string(after) != before {
			t.Fatalf("%q: not merged (%v), but the state changed", payload, err)
		}
		if !json.Valid(after) || !utf8.Valid(after) || !json.Valid(s.PushStatus("1", time.Time{})) {
			t.Fatalf("%q: the state is no JSON: %s", payload, after)
		}
		readable := bytes.ToValidUTF8(bytes.TrimRight(payload, "\x00"), []byte("\ufffd"))
		if err == nil && !json.Valid(readable) {
			t.Fatalf("%q was read, but is no JSON", payload)
		}
		again, err := bambu.LoadState(after)
		if err != nil || string(again.JSON()) != string(after) {
			t.Fatalf("%q: stored %s, loaded otherwise (%v)", payload, after, err)
		}
		if sh := s.Shadow(); sh.PartFanPercent < 0 || sh.PartFanPercent > 100 {
			t.Fatalf("%+v", sh)
		}
	})
}

// FuzzReadingEqualsEncodingJSON holds the parser against the standard library's,
// where the two agree on what is a report.
func FuzzReadingEqualsEncodingJSON(f *testing.F) {
	addReports(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		if !json.Valid(text) || !utf8.Valid(text) || len(text) > 200<<10 {
			return
		}
		wrapped := append(append([]byte(`{"print":{"fuzzed":`), text...), `}}`...)
		s := bambu.NewState()
		if _, err := s.Merge(wrapped); err != nil {
			if bytes.Count(text, []byte("{"))+bytes.Count(text, []byte("[")) < 28 && len(text) < 1000 {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		var want, got any
		if json.Unmarshal(wrapped, &want) != nil {
			return // a number out of the standard library's range
		}
		if err := json.Unmarshal(append(append([]byte(`{"print":`), s.JSON()...), '}'), &got); err != nil {
			t.Fatalf("%q became %s: %v", text, s.JSON(), err)
		}
		a, errA := json.Marshal(want)
		b, errB := json.Marshal(got)
		if errA != nil || errB != nil || !bytes.Equal(a, b) && !repeats(text) {
			t.Fatalf("%q\nwant %s\n got %s", text, a, b)
		}
	})
}

// repeats reports whether an object of the text names a member twice; merging
// then keeps a union of them, the standard library the last.
func repeats(text []byte) bool {
	_, err := bambu.ParseRequests([]byte(`{"print":{"command":"x","fuzzed":` + string(text) + `}}`))
	return err != nil && strings.Contains(err.Error(), "twice")
}

func FuzzParseRequests(f *testing.F) {
	for _, s := range []string{
		`{"print":{"command":"pause"}}`, `{"print":{"command":"set_nozzle_temp","param":"220"}}`, `{"pushing":{"command":"pushall"},"info":{"command":"get_version"}}`,
		`{"print":{"command":"project_file","param":"Metadata/plate_1.gcode","url":"ftp://a.3mf","ams_mapping":[0,-1],"use_ams":true}}`,
		`{"print":{"command":"gcode_file","param":"/sdcard/a.gcode"}}`, `{"print":{"command":"gcode_line","param":"M104 S220\nM140 S60\n"}}`,
		`{"system":{"command":"ledctrl","led_node":"chamber_light","led_mode":"on"},"user_id":"1"}`, `{"print":{"command":"set_ctt","ctt_val":45,"sequence_id":5}}` + "\x00",
		`{"print":{"command":"a","comm\u0061nd":"b"}}`, `{"print":{"command":"set_fan","fan_index":1,"speed":"50"}}`, "{\"print\":{\"command\":\"\xff\"}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		all, err := bambu.ParseRequests(payload)
		if err != nil {
			if len(all) > 0 {
				t.Fatal("requests beside an error")
			}
			return
		}
		for _, r := range all {
			checkRequest(t, r)
		}
	})
}

// checkRequest holds what must be so for every request that was read.
func checkRequest(t *testing.T, r bambu.Request) {
	t.Helper()
	if r.Class == "" || r.Command == "" || !json.Valid(r.Raw) {
		t.Fatalf("%+v", r)
	}
	if reply := bambu.Reply(r, "fail", "why"); !json.Valid(reply) {
		t.Fatalf("reply %s", reply)
	}
	_, _ = bambu.ParseStart(r)
	for _, m := range append(bambu.Models(), bambu.Fallback()) {
		if bambu.Check(m, r) != nil || r.Kind() == bambu.KindStart {
			continue
		}
		b, err := bambu.Translate(m, nil, r, "40001")
		if err != nil || !json.Valid(b) {
			t.Fatalf("%s: %s passed the check but became %s (%v)", m.Name, r.Raw, b, err)
		}
		sent, err := bambu.ParseRequests(b)
		if err != nil || len(sent) != 1 || sent[0].SequenceID != "40001" {
			t.Fatalf("%s: %s became %s (%v)", m.Name, r.Raw, b, err)
		}
		if err := bambu.Check(m, sent[0]); err != nil {
			t.Fatalf("%s: %s became %s, which is refused: %v", m.Name, r.Raw, b, err)
		}
	}
}

func FuzzParseVersions(f *testing.F) {
	addReports(f)
	f.Fuzz(func(t *testing.T, payload []byte) {
		v, ok := bambu.ParseVersions(payload)
		if ok && (len(v.Modules) == 0 || !json.Valid(v.Raw)) {
			t.Fatalf("%+v", v)
		}
	})
}

// FuzzHeatingGcode holds that no line gets through in which a simple reader
// would find a target over the limit, or the start of a print.
func FuzzHeatingGcode(f *testing.F) {
	for _, s := range []string{
		"M104 S220", "m104s301", "M190 R100 ; S999", "N1 M109 S20 R301*5", "M104 M140 S200", "M 104 S 301", "M104 S2e3", "G1 X1\nM140 S101\n", "M191 S60.5", "M104\tS+300", "M104 S.5", "S301M104", "M109 \fS1e7", "M104\vS301", "M109 S25 H140", "M23 a.gcode\nM24",
	} {
		f.Add(s)
	}
	p1s, _ := bambu.LookupModel("P1S")
	f.Fuzz(func(t *testing.T, gcode string) {
		b, err := json.Marshal(map[string]any{"print": map[string]any{"command": "gcode_line", "param": gcode}})
		if err != nil || len(b) > 60<<10 {
			return
		}
		all, err := bambu.ParseRequests(b)
		if err != nil {
			t.Fatal(err)
		}
		if bambu.Check(p1s, all[0]) != nil {
			return
		}
		for line := range strings.FieldsFuncSeq(gcode, func(r rune) bool { return r == '\n' || r == '\r' }) {
			line, _, _ = strings.Cut(line, ";")
			words := strings.Fields(strings.ToUpper(line))
			if len(words) == 0 {
				continue
			}
			limit, heats := map[string]float64{"M104": 300, "M109": 300, "M140": 100, "M190": 100, "M141": 0, "M191": 0}[words[0]]
			for _, w := range words[1:] {
				target, err := strconv.ParseFloat(w[1:], 64)
				if heats && strings.ContainsRune("ABCDEFGHIJKLOPQRSUVWXYZ", rune(w[0])) && err == nil && !(target >= 0 && target <= limit) {
					t.Fatalf("%q got through", line)
				}
			}
			if words[0] == "M23" || words[0] == "M24" || words[0] == "M32" {
				t.Fatalf("%q got through", line)
			}
		}
	})
}
