package bambu_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

func TestHealthMessagesAreDecoded(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		attr, code uint32
		want       grove.HMS
	}{
		{83887616, 131184, grove.HMS{Code: "HMS_0500_0600_0002_0070", Severity: "serious", Module: "mainboard"}},
		{0x03000100, 0x00010001, grove.HMS{Code: "HMS_0300_0100_0001_0001", Severity: "fatal", Module: "motion"}},
		{0x07012000, 0x00030002, grove.HMS{Code: "HMS_0701_2000_0003_0002", Severity: "common", Module: "ams"}},
		{0x0C000300, 0x00040008, grove.HMS{Code: "HMS_0C00_0300_0004_0008", Severity: "info", Module: "camera"}},
		{0x08000000, 0x00050000, grove.HMS{Code: "HMS_0800_0000_0005_0000", Severity: "unknown", Module: "toolhead"}},
		{0xFFFFFFFF, 0xFFFFFFFF, grove.HMS{Code: "HMS_FFFF_FFFF_FFFF_FFFF", Severity: "unknown", Module: "unknown"}},
	} {
		if diff := cmp.Diff(row.want, bambu.HMSCode(row.attr, row.code)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPrintErrorsAreWrittenAsPeopleKnowThem(t *testing.T) {
	t.Parallel()
	for code, want := range map[int64]string{
		0:         "",
		50348044:  "0300-400C (the print was cancelled)",
		117473286: "0700-8006 (the filament does not reach the extruder)",
		134184978: "07FF-8012 (the print's filaments are not assigned to the external spool)",
		12345678:  "00BC-614E",
		-1:        "FFFF-FFFF",
	} {
		if got := bambu.PrintErrorText(code); got != want {
			t.Errorf("%d: %q, want %q", code, got, want)
		}
	}
}

func TestPresenceIsToldAsTheCloudTellsIt(t *testing.T) {
	t.Parallel()
	if got, want := string(bambu.Connected("01P00A000000001")), `{"event":{"event":"client.connected","disconnected_at":"","clientid":"01P00A000000001"}}`; got != want {
		t.Error(got)
	}
	if got, want := string(bambu.Disconnected("01P", `keep"alive`)), `{"event":{"event":"client.disconnected","reason":"keep\"alive","clientid":"01P"}}`; got != want {
		t.Error(got)
	}
}

func TestVersionsTellTheModel(t *testing.T) {
	t.Parallel()
	v, ok := bambu.ParseVersions(read(t, "p1s_version.json"))
	if !ok || v.Model != "C12" || v.Firmware != "01.08.02.00" || v.Serial != "01P00A000000001" || len(v.Modules) != 4 {
		t.Errorf("%v %+v", ok, v)
	}
	want := bambu.Module{Name: "ams/0", Hardware: "AMS08", Firmware: "00.00.06.44", Serial: "00600A000000001"}
	if diff := cmp.Diff(want, v.Modules[3]); diff != "" {
		t.Error(diff)
	}
	if decode(t, v.Raw)["command"] != "get_version" {
		t.Errorf("raw %s", v.Raw)
	}
}

func TestTheModelIsFoundInWhicheverModuleNamesIt(t *testing.T) {
	t.Parallel()
	for modules, want := range map[string]string{
		`{"name":"ota","project_name":"BL-P001"}`:                                             "BL-P001",
		`{"name":"ota","product_name":"Bambu Lab H2D","project_name":""}`:                     "O1D",
		`{"name":"ota","project_name":"O1C2"}`:                                                "O1C",
		`{"name":"esp32","project_name":"N1"},{"name":"ota","sw_ver":"1"}`:                    "N1",
		`{"name":"ota","project_name":"Z9"}`:                                                  "Z9",
		`{"name":"ota","project_name":"Z9"},{"name":"ap","product_name":"P2S"}`:               "N7",
		`{"name":"ams/0","project_name":"C12"},{"name":"mc","hw_ver":"MC04"}`:                 "",
		`{"name":"rv1126","project_name":"3DPrinter-X1-Carbon"},{"name":"ams/0","sn":"0060"}`: "BL-P001",
	} {
		v, ok := bambu.ParseVersions([]byte(`{"info":{"command":"get_version","module":[` + modules + `]}}`))
		if !ok || v.Model != want {
			t.Errorf("%s: %q (%v), want %q", modules, v.Model, ok, want)
		}
	}
}

func TestWhatIsNoVersionAnswerIsNone(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		``, `{}`, `[]`, `{"info":[]}`, `{"info":{"command":"get_version"}}`, `{"info":{"command":"get_version","module":[]}}`,
		`{"info":{"command":"get_version","module":{}}}`, `{"info":{"command":"other","module":[{"name":"ota"}]}}`, `{"print":{"command":"push_status"}}`,
	} {
		if v, ok := bambu.ParseVersions([]byte(payload)); ok {
			t.Errorf("%s: %+v", payload, v)
		}
	}
}

func TestWhatThePrinterSaysOfDeveloperModeAndStorage(t *testing.T) {
	t.Parallel()
	for told, want := range map[string]string{
		`{}`:                              "false false, 0 false",
		`{"fun":"3EC1AFFF9CFF"}`:          "true true, 0 false",
		`{"fun":"3EC18FFF9CFF"}`:          "false true, 0 false",
		`{"sdcard":true}`:                 "false false, 1 true",
		`{"sdcard":false}`:                "false false, 0 true",
		`{"home_flag":-1066934785}`:       "false false, 1 true",
		`{"home_flag":256}`:               "false false, 1 true",
		`{"home_flag":512,"sdcard":true}`: "false false, 2 true",
	} {
		s, err := bambu.LoadState([]byte(told))
		if err != nil {
			t.Fatal(err)
		}
		signed, known := s.Signed()
		storage, said := s.Storage()
		if got := fmt.Sprintf("%t %t, %d %t", signed, known, storage, said); got != want {
			t.Errorf("%s: %s, want %s", told, got, want)
		}
	}
}

func TestAPrinterNarrowsItsModelByWhatItSaysOfItself(t *testing.T) {
	t.Parallel()
	const bed, fan = `"command":"set_bed_temp","param":"111"`, `"command":"set_ctt","param":"50"`
	for _, row := range []struct {
		model, told, members string
		ok                   bool
	}{
		{"X1C", `{}`, bed, true},
		{"X1C", `{"home_flag":8}`, bed, true},
		{"X1C", `{"home_flag":0}`, bed, false},
		{"X1", `{"home_flag":-1066934793}`, bed, false},
		{"X1", `{"home_flag":-1066934785}`, bed, true},
		{"X1C", `{"home_flag":0}`, `"command":"set_bed_temp","temp":111`, false},
		{"X1C", `{"home_flag":0}`, `"command":"gcode_line","param":"M140 S111\n"`, false},
		{"X1C", `{"home_flag":0}`, `"command":"gcode_line","param":"M140 S110\n"`, true},
		{"H2D", `{"home_flag":0}`, bed, true},
		{"P1P", `{}`, fan, true},
		{"P1P", `{"home_flag":0}`, fan, true},
		{"P1P", `{"home_flag":134217728}`, fan, false},
		{"P1P", `{"home_flag":201326592}`, fan, true},
		{"P1S", `{"home_flag":134217728}`, fan, true},
	} {
		s, err := bambu.LoadState([]byte(row.told))
		if err != nil {
			t.Fatal(err)
		}
		r := parse(t, `{"print":{`+row.members+`}}`)
		if err := bambu.Check(s.Narrow(model(t, row.model)), r); row.ok != (err == nil) {
			t.Errorf("%s that says %s, %s: %v", row.model, row.told, row.members, err)
		}
		if r.Documented() && !row.ok {
			if b, err := bambu.Translate(model(t, row.model), s, r, "1"); row.members == bed && err == nil {
				t.Errorf("%s that says %s: %s becomes %s", row.model, row.told, row.members, b)
			}
		}
	}
	var silent *bambu.State
	if got := silent.Narrow(model(t, "X1C")); got != model(t, "X1C") {
		t.Errorf("%+v", got)
	}
}

func TestAPrinterTellsWhetherItsCameraIsShown(t *testing.T) {
	t.Parallel()
	for told, want := range map[string]string{
		`{}`: "true false", `{"ipcam":{"ipcam_dev":"1"}}`: "true false", `{"ipcam":{"rtsp_url":"disable"}}`: "false true",
		`{"ipcam":{"rtsp_url":"rtsps://192.168.1.2:322/streaming/live/1"}}`: "true true",
	} {
		s := bambu.NewState()
		if _, err := s.Merge([]byte(`{"print":` + told + `}`)); err != nil {
			t.Fatal(err)
		}
		on, known := s.Liveview()
		if got := fmt.Sprint(on, known); got != want {
			t.Errorf("%s: %s, want %s", told, got, want)
		}
	}
}
