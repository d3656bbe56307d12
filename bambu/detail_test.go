package bambu_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// details reads the print object given without braces, of a printer of this model.
func details(tb testing.TB, model, members string) grove.PrinterDetail {
	tb.Helper()
	s := bambu.NewState()
	merge(tb, s, []byte(`{"print":{`+members+`}}`))
	m, _ := bambu.LookupModel(model)
	return s.Details(m)
}

func TestCapturedShapesGiveDetails(t *testing.T) {
	t.Parallel()
	for name, model := range map[string]string{"x1c": "X1C", "h2d": "H2D", "p1s": "P1S"} {
		s := bambu.NewState()
		merge(t, s, read(t, name+"_full.json"))
		m, _ := bambu.LookupModel(model)
		b, err := json.MarshalIndent(s.Details(m), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+"_details.golden", string(b)+"\n")
	}
}

func TestAPrinterThatSaidNothingHasNoDetails(t *testing.T) {
	t.Parallel()
	want := grove.PrinterDetail{Extruders: []grove.Extruder{{Active: true}}, Options: map[string]bool{}}
	if diff := cmp.Diff(want, bambu.NewState().Details(bambu.Fallback())); diff != "" {
		t.Error(diff)
	}
}

const newProtocol = `"cfg":"0","fun":"3EC18FFF9CFF","aux":"5004",`

// The numbers are of captures: X1 with the door closed and open, by home_flag and by stat.
func TestTheDoorIsOpenClosedOrNotTold(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, tt := range []struct {
		model, says string
		want        *bool
	}{
		{"X1C", `"home_flag":-1066934785`, &no},
		{"X1C", `"home_flag":-1058546177`, &yes},
		{"P1S", `"home_flag":-1058546177`, nil}, // it has no sensor
		{"X1C", newProtocol + `"stat":"46258008","home_flag":-1058546177`, &no},
		{"H2D", newProtocol + `"stat":"46A58008"`, &yes},
		{"P1S", `"cfg":"0","fun":"0","aux":"0","stat":"46A58008"`, nil},
		{"X1C", `"sdcard":true`, nil},
	} {
		if diff := cmp.Diff(tt.want, details(t, tt.model, tt.says).DoorOpen); diff != "" {
			t.Errorf("%s %s: %s", tt.model, tt.says, diff)
		}
	}
}

func TestTheStorageHasFourStates(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]string{
		`"home_flag":0`: "none", `"home_flag":256`: "normal", `"home_flag":512`: "abnormal", `"home_flag":768`: "read_only",
		`"sdcard":true`: "normal", `"sdcard":false`: "none", `"spd_lvl":1`: "",
		`"cfg":"0","fun":"0","stat":"0","aux":"2000","home_flag":256`: "abnormal",
	} {
		if got := details(t, "P1S", says).Storage; got != want {
			t.Errorf("%s: %q, want %q", says, got, want)
		}
	}
}

func TestAnUpgradeIsToldByOldAndNewFirmware(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]grove.Upgrade{
		`{"status":"IDLE","new_version_state":2,"progress":"0"}`:                                                                         {Status: "IDLE"},
		`{"status":"DOWNLOADING","new_version_state":1,"ota_new_version_number":"01.09.00.00","progress":"37"}`:                          {Available: true, Version: "01.09.00.00", Status: "DOWNLOADING", Percent: 37},
		`{"status":"IDLE","new_version_state":0,"new_ver_list":[{"name":"ams/0","new_ver":"1"},{"name":"ota","new_ver":"01.06.00.00"}]}`: {Available: true, Version: "01.06.00.00", Status: "IDLE"},
	} {
		if diff := cmp.Diff(want, details(t, "P1S", `"upgrade_state":`+says).Upgrade); diff != "" {
			t.Errorf("%s: %s", says, diff)
		}
	}
}

func TestOptionsAreOnlyThoseThatThePrinterHas(t *testing.T) {
	t.Parallel()
	for says, want := range map[string]map[string]bool{
		`"xcam":{"first_layer_inspector":true,"spaghetti_detector":false},"home_flag":1040`: {"first_layer_inspection": true, "spaghetti_detection": false, "auto_recovery": true, "remaining_filament": false, "auto_refill": true},
		`"home_flag":1572864`: {"auto_recovery": false, "remaining_filament": false, "auto_refill": false, "tangle_detection": true},
		`"cfg":"41000","fun":"100","aux":"0","stat":"0"`: {
			"first_layer_inspection": true, "ai_monitoring": false, "auto_recovery": false, "remaining_filament": false, "auto_refill": true, "prompt_sound": false,
		},
	} {
		if diff := cmp.Diff(want, details(t, "X1C", says).Options); diff != "" {
			t.Errorf("%s: %s", says, diff)
		}
	}
}

func TestNetworkCameraAndExtrudersInDetail(t *testing.T) {
	t.Parallel()
	d := details(t, "H2D", `"net":{"conf":17,"info":[{"ip":3003295936},{"ip":0}]},"ipcam":{"ipcam_record":"enable","timelapse":"disable","resolution":"1080p","rtsp_url":"disable"},
		"heatbreak_fan_speed":"15","nozzle_diameter":"0.4","device":{"extruder":{"state":274,"info":[{"id":0,"temp":2949165,"snow":65535,"hnow":16},{"id":1,"temp":16711934,"snow":257,"hnow":1}]},
		"nozzle":{"info":[{"id":1,"type":"HH01","diameter":0.6},{"id":16,"type":"HS00","diameter":0.2}]}}`)
	yes, no := true, false
	want := grove.PrinterDetail{
		Extruders: []grove.Extruder{
			{ID: 0, Celsius: 45, TargetCelsius: 45, NozzleDiameter: 0.2, NozzleType: "HS00", TrayNow: "255"},
			{ID: 1, Active: true, Celsius: 254, TargetCelsius: 255, NozzleDiameter: 0.6, NozzleType: "HH01", TrayNow: "5"},
		},
		HeatbreakFanPercent: 100, Wired: true, Addresses: []string{"192.168.2.179"}, Options: map[string]bool{},
		Camera: grove.CameraState{Resolution: "1080p", Recording: &yes, Timelapse: &no, Liveview: &no},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

func TestAFilamentUnitSaysWhatItIs(t *testing.T) {
	t.Parallel()
	sh := shadow(t, `"ams":{"ams":[{"id":"0","info":"1003","humidity":"4","humidity_raw":"22","dry_time":90},{"id":"1","info":"1101"},{"id":"128","info":"E04"},{"id":"129"},{"id":"2","info":"105"}]}`)
	type unit struct {
		kind              string
		percent, dry, fed int
	}
	want := []unit{{"n3f", 22, 5400, 0}, {"ams", 0, 0, 1}, {"n3s", 0, 0, -1}, {"n3s", 0, 0, -1}, {"", 0, 0, 1}}
	for i, a := range sh.AMS {
		if got := (unit{a.Kind, a.HumidityPercent, a.DryingSeconds, a.Extruder}); got != want[i] {
			t.Errorf("unit %s: %+v, want %+v", a.ID, got, want[i])
		}
	}
}
