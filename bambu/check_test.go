package bambu_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

func model(tb testing.TB, name string) bambu.Model {
	tb.Helper()
	if name == "unknown" {
		return bambu.Fallback()
	}
	m, ok := bambu.LookupModel(name)
	if !ok {
		tb.Fatalf("no model %s", name)
	}
	return m
}

func check(tb testing.TB, name, members string) error {
	tb.Helper()
	return bambu.Check(model(tb, name), parse(tb, `{"print":{`+members+`}}`))
}

func TestEachModelTakesItsOwnRanges(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		model                string
		nozzle, bed, chamber int // chamber -1: no heater
		part, aux, chFan     bool
	}{
		{"X1C", 300, 120, -1, true, true, true},
		{"X1", 300, 120, -1, true, true, true},
		{"X1E", 320, 110, 60, true, true, true},
		{"P1P", 300, 100, -1, true, true, true},
		{"P1S", 300, 100, -1, true, true, true},
		{"P2S", 300, 110, -1, true, true, true},
		{"A1", 300, 100, -1, true, false, false},
		{"A1 mini", 300, 80, -1, true, false, false},
		{"A2L", 300, 80, -1, true, false, false},
		{"H2D", 350, 120, 65, true, true, true},
		{"H2D Pro", 350, 120, 65, true, true, true},
		{"H2C", 350, 120, 65, true, true, true},
		{"H2S", 350, 120, 65, true, true, true},
		{"X2D", 300, 120, 65, true, true, true},
		{"unknown", 300, 100, 60, true, true, true},
	} {
		t.Run(row.model, func(t *testing.T) {
			t.Parallel()
			limits(t, row.model, "set_nozzle_temp", "param", row.nozzle)
			limits(t, row.model, "set_nozzle_temp", "target_temp", row.nozzle)
			limits(t, row.model, "set_bed_temp", "param", row.bed)
			limits(t, row.model, "set_bed_temp", "temp", row.bed)
			limits(t, row.model, "set_chamber_temp", "param", row.chamber)
			limits(t, row.model, "set_ctt", "ctt_val", row.chamber)
			limits(t, row.model, "set_fan_speed", "param", whole(row.part))
			limits(t, row.model, "set_airduct", "param", whole(row.aux))
			limits(t, row.model, "set_ctt", "param", whole(row.chFan))
			for code, top := range map[string]int{
				"M104": row.nozzle, "M109": row.nozzle, "M140": row.bed, "M190": row.bed,
				"M141": max(row.chamber, 0), "M191": max(row.chamber, 0),
			} {
				gcodeLimits(t, row.model, code, top)
			}
		})
	}
}

func whole(fitted bool) int {
	if fitted {
		return 100
	}
	return -1
}

// limits asserts that 0 to top are taken, as number and as text, and nothing
// else; a top of -1 means that nothing is.
func limits(t *testing.T, model, command, member string, top int) {
	t.Helper()
	for value, ok := range map[int]bool{0: top >= 0, 1: top >= 0, top: top >= 0, top + 1: false, 32768: false, -1: false} {
		if value == top && top < 0 {
			continue
		}
		for _, form := range []string{"%d", `"%d"`} {
			members := fmt.Sprintf(`"command":%q,%q:`+form, command, member, value)
			err := check(t, model, members)
			if ok != (err == nil) || err != nil && !errors.Is(err, grove.Invalid) {
				t.Errorf("%s: %s: error %v", model, members, err)
			}
		}
	}
}

func gcodeLimits(t *testing.T, model, code string, top int) {
	t.Helper()
	for value, ok := range map[int]bool{0: true, top: true, top + 1: false, -1: false} {
		for _, letter := range "SRsr" {
			members := fmt.Sprintf(`"command":"gcode_line","param":"G28\n%s %c%d\nM400\n"`, code, letter, value)
			if err := check(t, model, members); ok != (err == nil) {
				t.Errorf("%s: %s: error %v", model, members, err)
			}
		}
	}
}

func TestAValueMustBeAWholeNumber(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		`""`, `"abc"`, `"NaN"`, `"Infinity"`, `"1e2"`, `1e2`, `"+20"`, `"-20"`, `-20`, `"-0"`, `20.0`, `20.5`, `"20.5"`, `" 20"`, `"20 "`, `"2 0"`,
		`"0x14"`, `"২০"`, `true`, `null`, `[20]`, `{"v":20}`, `99999999999999999999`, `"99999999999999999999"`, `"\u0032\u0030"`, `"20\n"`, `"1_0"`,
	} {
		for _, command := range []string{"set_nozzle_temp", "set_bed_temp", "set_fan_speed", "set_airduct", "set_ctt"} {
			if err := check(t, "P1S", `"command":"`+command+`","param":`+value); !errors.Is(err, grove.Invalid) {
				t.Errorf("%s %s: %v", command, value, err)
			}
		}
	}
}

func TestAMissingValueIsRefused(t *testing.T) {
	t.Parallel()
	for _, command := range []string{
		"set_nozzle_temp", "set_bed_temp", "set_chamber_temp", "set_fan_speed", "set_airduct", "set_ctt", "gcode_line", "print_speed", "set_fan",
	} {
		err := check(t, "H2D", `"command":"`+command+`"`)
		if !errors.Is(err, grove.Invalid) || !strings.Contains(err.Error(), "needs") {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestARefusalSaysWhy(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ model, members, want, reason string }{
		{"P1S", `"command":"set_nozzle_temp","param":"301"`, "set_nozzle_temp 301 °C is out of range: 0 to 300 °C", "out_of_range"},
		{"A1 mini", `"command":"set_bed_temp","param":90`, "set_bed_temp 90 °C is out of range: 0 to 80 °C", "out_of_range"},
		{"P1S", `"command":"set_chamber_temp","param":45`, "the P1S has no chamber heater", "unsupported"},
		{"A1", `"command":"set_airduct","param":50`, "the A1 has no auxiliary fan", "unsupported"},
		{"A1", `"command":"set_ctt","param":50`, "the A1 has no chamber fan", "unsupported"},
		{"P1S", `"command":"set_airduct","modeId":1`, "the P1S has no air duct", "unsupported"},
		{"P1S", `"command":"set_fan_speed","param":101`, "set_fan_speed 101 % is out of range: 0 to 100 %", "out_of_range"},
		{"P1S", `"command":"set_fan_speed","param":"full"`, `param of set_fan_speed must be a whole number, not "full"`, "bad_param"},
		{"P1S", `"command":"dance"`, "print.dance is no command that printers are known to understand", "unknown_command"},
		{"P1S", `"command":"print_speed","param":"5"`, "print_speed 5 is out of range: 1 to 4", "out_of_range"},
		{"H2D", `"command":"set_ctt","ctt_val":45,"param":"50"`, "set_ctt has both param and ctt_val, which mean different things: send one", "bad_param"},
		{"P1S", `"command":"gcode_line","param":"m104 s301"`, `the G-code line "m104 s301" is out of range for the nozzle: 0 to 300 °C`, "out_of_range"},
		{"P1S", `"command":"gcode_line","param":"M141 S45"`, `the G-code line "M141 S45" heats the chamber, and the P1S has no heater there`, "unsupported"},
	} {
		err := check(t, row.model, row.members)
		if err == nil || err.Error() != row.want || !grove.HasReason(err, row.reason) {
			t.Errorf("%s: %s: %v, want %s", row.model, row.members, err, row.want)
		}
	}
}

func TestNativeCommandsAreHeldToTheirRanges(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		model, members string
		ok             bool
	}{
		{"H2D", `"command":"set_nozzle_temp","extruder_index":1,"target_temp":350`, true},
		{"H2D", `"command":"set_nozzle_temp","extruder_index":2,"target_temp":220`, false},
		{"H2D", `"command":"set_nozzle_temp","extruder_index":0,"target_temp":220.5`, false},
		{"H2D", `"command":"set_airduct","modeId":1,"submode":-1`, true},
		{"H2D", `"command":"set_airduct","modeId":4`, false},
		{"H2D", `"command":"set_airduct","modeId":1,"submode":5`, false},
		{"P2S", `"command":"set_fan","fan_index":10,"speed":100`, true},
		{"X2D", `"command":"set_fan","fan_index":10,"speed":100`, true},
		{"H2D", `"command":"set_fan","fan_index":10,"speed":100`, false},
		{"X1C", `"command":"set_fan","fan_index":10,"speed":100`, false},
		{"H2D", `"command":"set_fan","fan_index":1,"speed":255`, false},
		{"H2D", `"command":"set_fan","fan_index":4,"speed":10`, false},
		{"A1", `"command":"set_fan","fan_index":2,"speed":10`, false},
		{"P1S", `"command":"ams_change_filament","target":1,"curr_temp":-1,"tar_temp":-1`, true},
		{"P1S", `"command":"ams_change_filament","target":1,"curr_temp":220,"tar_temp":301`, false},
		{"P2S", `"command":"ams_filament_drying","temp":85,"cooling_temp":45`, true},
		{"P2S", `"command":"ams_filament_drying","temp":86`, false},
		{"P2S", `"command":"print_speed","param":"2"`, true},
		{"P2S", `"command":"skip_objects","obj_list":[206,311]`, true},
	} {
		if err := check(t, row.model, row.members); row.ok != (err == nil) {
			t.Errorf("%s: %s: %v", row.model, row.members, err)
		}
	}
}

// TestEveryCommandOfThePrintersPasses lists what is known of the printers'
// commands, so that none is lost from the table.
func TestEveryCommandOfThePrintersPasses(t *testing.T) {
	t.Parallel()
	for class, commands := range map[string]string{
		"pushing":  "pushall start stop",
		"info":     "get_version",
		"system":   "get_access_code ledctrl set_accessories get_accessories set_door_stat print_cache_set uiop reboot",
		"security": "app_cert_list",
		"upgrade":  "upgrade_confirm consistency_confirm start get_history",
		"print": "pause resume stop ignore idle_ignore clean_print_error skip_objects gcode_file project_file calibration buzzer_ctrl " +
			"set_against_continued_heating_mode close_air_filt print_option back_to_center xyz_ctrl set_extrusion_length select_extruder refresh_nozzle " +
			"nozzle_holder_ctrl nozzle_info_confirm holder_nozzle_refresh get_auto_nozzle_mapping ams_change_filament unload_filament ams_control " +
			"ams_get_rfid ams_user_setting ams_filament_setting ams_filament_drying auto_stop_ams_dry ams_reset extrusion_cali extrusion_cali_get " +
			"extrusion_cali_set extrusion_cali_sel extrusion_cali_del extrusion_cali_get_result flowrate_cali flowrate_get_result",
		"camera": "ipcam_record_set ipcam_timelapse ipcam_resolution_set ipcam_get_media_info",
		"xcam":   "xcam_control_set ipcam_record_set",
	} {
		for command := range strings.FieldsSeq(commands) {
			r := parse(t, `{"`+class+`":{"command":"`+command+`"}}`)
			if err := bambu.Check(model(t, "H2D"), r); err != nil || r.Kind() == bambu.KindUnknown {
				t.Errorf("%s.%s is %v: %v", class, command, r.Kind(), err)
			}
		}
	}
}

func TestHeatingGcodeIsFoundHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	p1s := model(t, "P1S")
	for _, row := range []struct {
		gcode string
		ok    bool
	}{
		{"", true},
		{"G28\nG1 X10 F3000\n", true},
		{"M106 P1 S255\n", true},
		{"M204 S10000", true},
		{"M104 S220", true},
		{"M104 S220 ; not S999", true},
		{"; M104 S999", true},
		{"M104 S220.5 T0", true},
		{"M104 T1 S0*71", true},
		{"M109 S220\r\nM190 R60\r\n", true},
		{"M104", true},
		{"M117 Resume", true},
		{"M117 layer 1 2", true},
		{"G1 X1 0", false},
		{"M10 4 S999", false},
		{"M 1 0 9 S999", false},
		{"M104 S2 99", false},
		{"M104 S2 .9", false},
		{"M2 4", false},
		{"M117 M10 4 S999", false},
		{"M303 E0 S400 C8", false},
		{"M303 E-1 S110 C8", false},
		{"M1042 S999", true},
		{"M104 S300.01", false},
		{"M104S301", false},
		{"m104 s301", false},
		{"M104 S301 ; hot", false},
		{"  M104\tS301", false},
		{"N10 M104 S301*71", false},
		{"M 104 S 301", false},
		{"M0104 S0301", false},
		{"M104.0 S301", false},
		{"G28 M104 S301", false},
		{"G28\rM104 S301", false},
		{"G28\vM104 S301", false},
		{"G28\u2028M104 S301", false},
		{"G28\x00M104 S301", false},
		{"M109 R301", false},
		{"M109 S200 R301", false},
		{"M109 S200 S301", false},
		{"S301 M104", false},
		{"M140 M104 S250", false},
		{"M104 M140 S250", false},
		{"M104 S2e3", false},
		{"M104 S2E3", false},
		{"M104 S0x1F4", false},
		{"M104 SNaN", false},
		{"M104 Sinf", false},
		{"M104 S", false},
		{"M104 S-5", false},
		{"M104 S1.2.3", false},
		{"M104 S{heat}", false},
		{"M104 S99999999999999999999999", false},
		{"M190 S101", false},
		{"M191 S1", false},
		{"M141 S0", true},
		{"M109 S25 H140", true}, // as vendor profiles have it
		{"M104 H301", false},
		{"M104 H301 S200", false},
		{"M104 S200 F999", false},
		{"M104 S200 (hot)", false},
		{"N999 M104 T999 S200", true},
		{"M23 /sdcard/a.gcode", false},
		{"M24", false},
		{"m024", false},
		{"G28 M24.0", false},
		{"N5 M32 a.gcode", false},
		{"M28 a.gcode\nM104 S0\nM29", false},
		{"M30 a.gcode", false},
		{"M27", true},
		{"M240", true},
	} {
		payload := `{"print":{"command":"gcode_line","param":` + quote(row.gcode) + `}}`
		if err := bambu.Check(p1s, parse(t, payload)); row.ok != (err == nil) {
			t.Errorf("%q: %v", row.gcode, err)
		}
	}
}

func TestSealedGcodeIsRefusedSinceItCannotBeChecked(t *testing.T) {
	t.Parallel()
	if err := check(t, "P1S", `"command":"gcode_line","param_enc":"bG9jaw=="`); !errors.Is(err, grove.Invalid) {
		t.Error(err)
	}
}

func TestWhatWarmsAndWhatSwitchesItOff(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]bool{
		`{"print":{"command":"set_bed_temp","param":"60"}}`:               true,
		`{"print":{"command":"set_bed_temp","param":0}}`:                  false,
		`{"print":{"command":"set_ctt","ctt_val":45}}`:                    true,
		`{"print":{"command":"gcode_line","param":"G28\nM109 R200\n"}}`:   true,
		`{"print":{"command":"gcode_line","param":"M104 S0\nG1 X200\n"}}`: false,
		`{"print":{"command":"gcode_line","param":"M117 M is 200"}}`:      false,
		`{"print":{"command":"pause"}}`:                                   false,
		`{"print":{"command":"ams_change_filament","tar_temp":220}}`:      true,
	} {
		requests, err := bambu.ParseRequests([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if got := requests[0].Warms(); got != want {
			t.Errorf("%s warms: %t", payload, got)
		}
	}
	hot := grove.Shadow{NozzleTargetCelsius: 220, BedTargetCelsius: 60, ChamberTargetCelsius: 50}
	for _, m := range bambu.Models() {
		for _, off := range bambu.Cooling(m, hot) {
			requests, err := bambu.ParseRequests([]byte(off))
			if err != nil {
				t.Fatal(err)
			}
			if err := bambu.Check(m, requests[0]); err != nil || requests[0].Warms() {
				t.Errorf("%s can't be switched off by %s: %v", m.Name, off, err)
			}
		}
	}
}
