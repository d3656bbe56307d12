package bambu_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// shadow reads the print object given without braces.
func shadow(tb testing.TB, members string) grove.Shadow {
	tb.Helper()
	s := bambu.NewState()
	merge(tb, s, []byte(`{"print":{`+members+`}}`))
	return s.Shadow()
}

func TestAPrinterThatSaidNothingHasAnEmptyShadow(t *testing.T) {
	t.Parallel()
	want := grove.Shadow{Stage: -1, HMS: []grove.HMS{}, AMS: []grove.AMS{}, External: []grove.Tray{}}
	if diff := cmp.Diff(want, bambu.NewState().Shadow()); diff != "" {
		t.Error(diff)
	}
}

func TestCapturedShapesGiveCleanUnits(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"x1c", "h2d"} {
		s := bambu.NewState()
		if r := merge(t, s, read(t, name+"_full.json")); !r.Full {
			t.Errorf("%s is not taken for a full report", name)
		}
		b, err := json.MarshalIndent(s.Shadow(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name+"_shadow.golden", string(b)+"\n")
	}
}

func TestNumbersMayBeTextAndTextNumbers(t *testing.T) {
	t.Parallel()
	sh := shadow(t, `"mc_percent":"42","mc_remaining_time":"83","layer_num":"61","nozzle_temper":"219.78","bed_temper":"60","spd_lvl":"3",
		"task_id":731905,"subtask_id":"9001","gcode_file_prepare_percent":99,"print_error":"50348044","stg_cur":"16","plate_idx":"2"`)
	want := grove.Shadow{
		Percent: 42, RemainingSeconds: 83 * 60, Layer: 61, NozzleCelsius: 219.78, BedCelsius: 60, SpeedLevel: 3, TaskID: "731905", SubtaskID: "9001",
		PreparePercent: 99, PrintError: 50348044, Stage: 16, Plate: 2, HMS: []grove.HMS{}, AMS: []grove.AMS{}, External: []grove.Tray{},
	}
	if diff := cmp.Diff(want, sh); diff != "" {
		t.Error(diff)
	}
}

func TestValuesThatMakeNoSenseAreUnknown(t *testing.T) {
	t.Parallel()
	sh := shadow(t, `"mc_percent":"many","stg_cur":null,"nozzle_temper":"NaN","bed_temper":{},"layer_num":[1],"hms":"none","ams":[],"lights_report":{},
		"wifi_signal":5,"print_error":"x","gcode_state":null,"device":7,"spd_lvl":1e300,"big_fan1_speed":"-3","cooling_fan_speed":"99"`)
	want := grove.Shadow{Stage: -1, PartFanPercent: 100, WifiDBm: 5, HMS: []grove.HMS{}, AMS: []grove.AMS{}, External: []grove.Tray{}}
	if diff := cmp.Diff(want, sh); diff != "" {
		t.Error(diff)
	}
}

func TestFanGearsBecomeTensOfPercent(t *testing.T) {
	t.Parallel()
	for gear, want := range map[int]int{0: 0, 1: 0, 2: 10, 3: 20, 6: 40, 7: 40, 8: 50, 10: 60, 11: 70, 14: 90, 15: 100} {
		if got := shadow(t, fmt.Sprintf(`"cooling_fan_speed":"%d"`, gear)).PartFanPercent; got != want {
			t.Errorf("gear %d is %d %%, want %d", gear, got, want)
		}
	}
}

func TestFansAreReadWhereTheFirmwareHasThem(t *testing.T) {
	t.Parallel()
	for members, want := range map[string][3]int{
		`"fan_gear":8388863`: {100, 0, 50},
		`"fan_gear":255,"cooling_fan_speed":"8","big_fan1_speed":"0","big_fan2_speed":"15"`:                                         {50, 0, 100},
		`"cooling_fan_speed":"8","big_fan2_speed":"15","device":{"airduct":{"parts":[{"id":16,"state":65},{"id":160,"state":30}]}}`: {65, 0, 100},
	} {
		sh := shadow(t, members)
		if got := [3]int{sh.PartFanPercent, sh.AuxFanPercent, sh.ChamberFanPercent}; got != want {
			t.Errorf("%s: %v, want %v", members, got, want)
		}
	}
}

func TestTheChamberIsReadWhereTheFirmwareHasIt(t *testing.T) {
	t.Parallel()
	for members, want := range map[string][2]float64{
		`"chamber_temper":41.5`:                                                {41.5, 0},
		`"chamber_temper":41.5,"ctt":45`:                                       {41.5, 45},
		`"chamber_temper":2949160`:                                             {40, 45},
		`"info":{"temp":2949160}`:                                              {40, 45},
		`"chamber_temper":5,"device":{"ctc":{"info":{"temp":3276842}}}`:        {42, 50},
		`"chamber_temper":5,"device":{"ctc":{"info":{"temp":47}}},"info":null`: {47, 0},
	} {
		sh := shadow(t, members)
		if got := [2]float64{sh.ChamberCelsius, sh.ChamberTargetCelsius}; got != want {
			t.Errorf("%s: %v, want %v", members, got, want)
		}
	}
}

func TestTheTrayInUseIsOneNumberForAllUnits(t *testing.T) {
	t.Parallel()
	extruder := func(snow int) string {
		return fmt.Sprintf(`"ams":{"tray_now":"1"},"device":{"extruder":{"state":2,"info":[{"id":0,"snow":%d},{"id":1,"snow":3}]}}`, snow)
	}
	for members, want := range map[string]string{
		`"ams":{"tray_now":"5"}`:   "5",
		`"ams":{"tray_now":"255"}`: "255",
		extruder(0):                "0",
		extruder(1<<8 | 2):         "6",
		extruder(128 << 8):         "128",
		extruder(16<<8 | 1):        "65",
		extruder(65535):            "255",
		extruder(65279):            "255",
		extruder(0xFF00):           "254",
		extruder(0xFE00):           "254",
	} {
		if got := shadow(t, members).TrayNow; got != want {
			t.Errorf("%s: %s, want %s", members, got, want)
		}
	}
}

func TestThePlateIsReadFromItsNumberOrItsFile(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]int{
		`"plate_idx":3,"gcode_file":"/data/Metadata/plate_1.gcode"`: 3,
		`"plate_id":"4"`: 4,
		`"plate_idx":0,"gcode_file":"/data/Metadata/plate_12.gcode"`: 12,
		`"gcode_file":"Metadata/plate_1.gcode"`:                      1,
		`"gcode_file":"bracket.gcode.3mf"`:                           0,
		`"gcode_file":"Metadata/plate_-1.gcode"`:                     0,
		`"gcode_file":"Metadata/plate_+1.gcode"`:                     0,
		`"gcode_file":"Metadata/plate_.gcode"`:                       0,
		`"gcode_file":"Metadata/plate_1.gcode.bak"`:                  0,
	} {
		if got := shadow(t, members).Plate; got != want {
			t.Errorf("%s: %d, want %d", members, got, want)
		}
	}
}

func TestLightsAndSignal(t *testing.T) {
	t.Parallel()
	for members, want := range map[string]bool{
		`"lights_report":[{"node":"work_light","mode":"on"},{"node":"chamber_light","mode":"off"}]`: false,
		`"lights_report":[{"node":"chamber_light","mode":"on"}]`:                                    true,
		`"lights_report":[{"node":"chamber_light","mode":"flashing"}]`:                              true,
		`"lights_report":[]`: false,
	} {
		if got := shadow(t, members).LightOn; got != want {
			t.Errorf("%s: %v", members, got)
		}
	}
	if got := shadow(t, `"wifi_signal":"-53dBm"`).WifiDBm; got != -53 {
		t.Errorf("%d dBm", got)
	}
}

func TestWhatPeopleAreShownOfAReportOpensNothing(t *testing.T) {
	t.Parallel()
	const said = `{"print":{"command":"push_status","msg":0,"odd":1.50,"net":{"conf":16,"info":[{"ip":3003295936}]},` +
		`"ipcam":{"timelapse":"enable","rtsp_url":"rtsps://192.168.2.179:322/streaming/live/1"},` +
		`"deep":[{"access_code":"87654321","x":"12345678","y":"123456789"}]}}`
	s := bambu.NewState()
	if _, err := s.Merge([]byte(said)); err != nil {
		t.Fatal(err)
	}
	before := string(s.JSON())
	for placed, want := range map[bool]string{
		true: `{"odd":1.50,"net":{"conf":16,"info":[{"ip":3003295936}]},"ipcam":{"timelapse":"enable","rtsp_url":"rtsps://192.168.2.179:322/streaming/live/1"},` +
			`"deep":[{"y":"123456789"}]}`,
		false: `{"odd":1.50,"ipcam":{"timelapse":"enable"},"deep":[{"y":"123456789"}]}`,
	} {
		if got := string(s.Told("12345678", placed)); got != want {
			t.Errorf("placed %t: %s, want %s", placed, got, want)
		}
	}
	if got := string(s.JSON()); got != before {
		t.Errorf("the state became %s", got)
	}
}
