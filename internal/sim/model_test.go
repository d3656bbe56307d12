package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove/bambu"
)

// What all fifteen captures of ha-bambulab have, with the type of the value.
const everywhere = `command:string sequence_id:string gcode_state:string gcode_file:string gcode_file_prepare_percent:string subtask_id:string
subtask_name:string task_id:string project_id:string profile_id:string print_type:string print_error:number mc_percent:number
mc_remaining_time:number mc_print_stage:string mc_print_sub_stage:number stg:list stg_cur:number layer_num:number total_layer_num:number
nozzle_temper:number nozzle_target_temper:number bed_temper:number bed_target_temper:number cooling_fan_speed:string big_fan1_speed:string
big_fan2_speed:string heatbreak_fan_speed:string fan_gear:number spd_lvl:number spd_mag:number ams:object ams_status:number ams_rfid_status:number
hw_switch_state:number home_flag:number sdcard:bool hms:list lights_report:list ipcam:object net:object online:object upgrade_state:object
upload:object wifi_signal:string nozzle_diameter:string nozzle_type:string s_obj:list queue_number:number queue_sts:number queue_total:number
queue_est:number cali_version:number force_upgrade:bool`

// What only some have: the key, and who has it by code.
var somewhere = []struct{ keys, models string }{
	{"filam_bak:list flag3:number k:string lifecycle:string mc_print_line_number:string mess_production_state:string", "C11 C12 N2S N1 N9"},
	{"xcam_status:string aux_part_fan:bool fail_reason:string print_gcode_action:number print_real_action:number mc_print_error_code:string", large},
	{"xcam:object", "C12 N2S N1 N9 " + large},
	{"cfg:string fun:string aux:string stat:string device:object 3D:object 2D:object mc_stage:number mc_err:number mc_action:number ap_err:number info:object", large},
	{"state:number job:object job_id:string job_attr:number percent:number remain_time:number prepare_per:number plate_id:number plate_idx:number " +
		"plate_cnt:number file:string model_id:string design_id:string batch_id:number canvas_id:number mapping:list vir_slot:list ver:string err:string queue:number care:list", "N9 " + large},
	{"fun2:string", "N9 O1C N7 N6"},
	{"vt_tray:object", "C11 C12 N2S N1 BL-P001 BL-P002 C13 O1D"},
	{"chamber_temper:number", "C11 C12 N2S N1 N9 O1D"},
	{"ctt:number", "C13 O1D"},
	{"stg_cd:number", "N7 N6"},
	{"err2:object", "N6"},
	{"t_utc:number", "N7 N6 O1D O1E O1C O1S"},
	{"msg:number", "BL-P001 BL-P002 C13 C11 C12 N7 N2S N1 N9 N6 O1E O1C O1S"},
}

const large = "BL-P001 BL-P002 C13 N7 N6 O1D O1E O1C O1S"

// whole is a full report of a model in the midst of a print.
func whole(t *testing.T, model bambu.Model) map[string]any {
	t.Helper()
	m := newTestMachine(t, Config{Model: model.Code, Begin: BeginPrinting})
	m.tick(time.Now())
	var message map[string]map[string]any
	must(t, json.Unmarshal(m.report.everything(m), &message))
	return message["print"]
}

// kindOf names the type of a JSON value.
func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "list"
	case map[string]any:
		return "object"
	}
	return "nothing"
}

func TestEveryModelReportsTheKeysOfItsCaptures(t *testing.T) {
	t.Parallel()
	// Counted over the captures; one more or less is firmware.
	counts := map[string]int{"C11": 63, "N2S": 64, "N9": 85, "BL-P001": 96, "N7": 98, "O1S": 97, "O1E": 95, "O1C": 98, "O1D": 98, "N6": 99}
	for _, model := range bambu.Models() {
		got := whole(t, model)
		holds := func(keys string, wanted bool) {
			for entry := range strings.FieldsSeq(keys) {
				key, kind, _ := strings.Cut(entry, ":")
				value, has := got[key]
				switch {
				case has != wanted:
					t.Errorf("%s: %s is there: %t, should be: %t", model.Name, key, has, wanted)
				case has && kindOf(value) != kind:
					t.Errorf("%s: %s is a %s, should be a %s", model.Name, key, kindOf(value), kind)
				}
			}
		}
		holds(everywhere, true)
		for _, s := range somewhere {
			holds(s.keys, slices.Contains(strings.Fields(s.models), model.Code))
		}
		if want, known := counts[model.Code]; known && (len(got) < want-6 || len(got) > want+6) {
			t.Errorf("%s has %d keys, its capture %d", model.Name, len(got), want)
		}
	}
}

func TestWhatIsInsideTheReportsOfEachModel(t *testing.T) {
	t.Parallel()
	modules := map[string]string{
		"C11": "esp32 ams/0", "C12": "esp32 ams/0", "N2S": "esp32 ams_f1/0", "N1": "esp32 ams_f1/0", "N9": "esp32 ams_f1/16",
		"BL-P001": "rv1126 ams/0", "BL-P002": "rv1126 ams/0", "C13": "ap ams/0",
		"N7": "ap n3f/0", "N6": "ap n3f/0", "O1D": "ap n3f/0", "O1E": "ap n3f/0", "O1C": "ap n3f/0", "O1S": "ap n3f/0",
	}
	for _, model := range bambu.Models() {
		got := whole(t, model)
		m := newTestMachine(t, Config{Model: model.Code})
		var list []module
		must(t, json.Unmarshal(m.versions(), &list))
		names := make([]string, len(list))
		for i, one := range list {
			names[i] = one.Name
			if one.Serial == "" || one.Software == "" || one.Hardware == "" {
				t.Errorf("%s: module %+v", model.Name, one)
			}
		}
		for _, want := range append(strings.Fields(modules[model.Code]), "ota", "mc", "th") {
			if !slices.Contains(names, want) {
				t.Errorf("%s: no module %s among %v", model.Name, want, names)
			}
		}
		for path, want := range particular(model.Code) {
			if have := fmt.Sprint(lookup(got, path)); have != want {
				t.Errorf("%s: %s is %s, should be %s", model.Name, path, have, want)
			}
		}
		if extruders, _ := lookup(got, "device.extruder.info").([]any); got["device"] != nil && len(extruders) != model.Nozzles {
			t.Errorf("%s: %d extruders", model.Name, len(extruders))
		}
		if _, has := lookup(got, "device.airduct").(map[string]any); has != model.AirDuct {
			t.Errorf("%s: an air duct: %t", model.Name, has)
		}
	}
}

// particular are values that tell models apart: AMS kind, external spools, lights,
// stages and words of an idle printer, chamber.
func particular(code string) map[string]string {
	want := map[string]string{"lights_report.0.node": "chamber_light", "ams.ams.0.id": "0"}
	small := func(info string) {
		want["ams.ams.0.info"], want["ipcam.rtsp_url"], want["chamber_temper"], want["upgrade_state.cur_state_code"] = info, "<nil>", "5", "0"
	}
	switch code {
	case "C11", "C12":
		small("1001")
		want["vt_tray.id"] = "254"
	case "N2S", "N1":
		small("1002")
		want["vt_tray.id"] = "254"
	case "N9":
		small("1005")
		want["ams.ams.0.id"], want["ams.ams_exist_bits"], want["vir_slot.0.id"], want["lights_report.1.node"] = "16", "10000", "255", "heatbed_light"
	case "BL-P001", "BL-P002", "C13":
		want["ams.ams.0.info"], want["vt_tray.id"], want["vir_slot.0.id"], want["device.extruder.state"] = "1001", "255", "255", "1"
	case "N7", "O1S":
		want["ams.ams.0.info"], want["vir_slot.0.id"], want["vir_slot.1.id"], want["device.extruder.state"] = "1003", "255", "<nil>", "1"
	default:
		want["ams.ams.0.info"], want["vir_slot.0.id"], want["vir_slot.1.id"], want["device.extruder.state"] = "1003", "255", "254", "2"
		want["lights_report.2.node"] = "chamber_light2"
	}
	if code == "O1C" {
		want["device.nozzle.info.2.id"], want["device.nozzle.info.7.id"] = "16", "21"
	}
	return want
}

// A printer warms up and gets ready as long as the profiles of slicers plan for.
func TestPreparationsTakeWhatProfilesPlanFor(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]float64{"X1C": 260, "P1S": 260, "P2S": 370} {
		m := newTestMachine(t, Config{Model: name})
		startAtOnce(m, "1")
		for m.state != stateRunning {
			m.tick(time.Now())
		}
		took := 0.0
		for m.job.step < len(m.job.plan) {
			m.tick(time.Now())
			took++
		}
		if took < want*0.7 || took > want*1.4 {
			t.Errorf("%s: %g s, planned are %g", name, took, want)
		}
	}
}
