package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestAPrinterIsQuietUntilAsked(t *testing.T) {
	t.Parallel()
	b := newRig(t).printer(t, Config{})
	if got := b.print["online"]; got == nil {
		t.Errorf("the first word should be that it is there: %s", b.last)
	}
	if _, said := b.print["gcode_state"]; said {
		t.Errorf("nobody asked for the state yet: %s", b.last)
	}
	b.pushall()
	if got := b.print["gcode_state"]; got != "IDLE" {
		t.Errorf("gcode_state %v", got)
	}
	if got := fmt.Sprint(b.print["stg_cur"]); got != "0" {
		t.Errorf("a P1S just switched on has stg_cur %s", got)
	}
}

func TestEveryModelReportsAndNamesItself(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	for i, model := range bambu.Models() {
		t.Run(model.Name, func(t *testing.T) {
			t.Parallel()
			serial := fmt.Sprintf("%-5s%010d", model.SerialPrefix, i)
			serial = strings.ReplaceAll(serial, " ", "0")
			b := r.printer(t, Config{Serial: serial, Model: model.Code})
			b.pushall()
			size := len(b.last)
			if size < 2200 || size > 12000 {
				t.Errorf("a full report of %d bytes", size)
			}
			t.Logf("full report %d bytes, %d keys", size, len(b.print))
			if _, has := b.print["device"]; has != model.NewProtocol {
				t.Errorf("device object: %v", has)
			}
			modules, _ := b.ask("info", "get_version", nil)["module"].([]any)
			if got := lookup(modules, "0.product_name"); got != model.Product {
				t.Errorf("product %v, want %v", got, model.Product)
			}
			if got := lookup(modules, "0.sn"); got != serial {
				t.Errorf("sn %v", got)
			}
			versions, ok := bambu.ParseVersions(b.last)
			if !ok || versions.Model != model.Code {
				t.Errorf("the cloud reads model %q", versions.Model)
			}
		})
	}
}

func TestFullOrOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	x1 := r.printer(t, Config{Model: "X1C", Serial: "00M00A000000001"})
	x1.pushall()
	for range 5 {
		if body := x1.next("push_status"); fmt.Sprint(body["msg"]) != "0" || body["net"] == nil {
			t.Fatalf("an X1 reports everything each time: %s", x1.last)
		}
	}
	p1 := r.printer(t, Config{Model: "P1S"})
	p1.pushall()
	for range 5 {
		if body := p1.next("push_status"); fmt.Sprint(body["msg"]) != "1" || body["net"] != nil || len(p1.last) > 400 {
			t.Fatalf("an idle P1 reports only what changed: %s", p1.last)
		}
	}
}

// The nine documented commands, each seen in a report.
func TestTheNineCommandsHaveAnEffect(t *testing.T) {
	t.Parallel()
	b := newRig(t).printer(t, Config{Begin: BeginPrinting, Model: "X1E", Serial: "03W00A000000001"})
	b.pushall()
	b.until("gcode_state", "RUNNING")
	b.until("task_id", "0")
	for _, c := range []struct {
		command, param, field string
		want                  any
	}{
		{"pause", "", "gcode_state", "PAUSE"},
		{"resume", "", "gcode_state", "RUNNING"},
		{"set_nozzle_temp", "231", "nozzle_target_temper", 231},
		{"set_bed_temp", "66", "bed_target_temper", 66},
		{"set_chamber_temp", "45", "ctt", 45},
		{"set_fan_speed", "60", "cooling_fan_speed", 9},
		{"set_airduct", "40", "big_fan1_speed", 6},
		{"set_ctt", "100", "big_fan2_speed", 15},
		{"stop", "", "gcode_state", "FAILED"},
	} {
		b.succeed("print", c.command, map[string]any{"param": c.param})
		b.until(c.field, c.want)
	}
	b.until("print_error", 0)
}

func TestTheNativeCommandsHaveAnEffect(t *testing.T) {
	t.Parallel()
	b := newRig(t).printer(t, Config{Model: "H2D", Serial: "09400A000000001"})
	b.pushall()
	light := map[string]any{"led_node": "chamber_light", "led_mode": "off", "led_on_time": 500, "led_off_time": 500, "loop_times": 1, "interval_time": 1000}
	filament := map[string]any{
		"ams_id": 0, "slot_id": 3, "tray_id": 3, "tray_info_idx": "GFL99", "setting_id": "",
		"tray_color": "00AE42FF", "nozzle_temp_min": 190, "nozzle_temp_max": 240, "tray_type": "PLA",
	}
	for _, c := range []struct {
		class, command string
		members        map[string]any
		field          string
		want           any
	}{
		{"system", "ledctrl", light, "lights_report.0.mode", "off"},
		{"print", "set_nozzle_temp", map[string]any{"extruder_index": 1, "target_temp": 200}, "device.extruder.info.1.temp", 200<<16 | 25},
		{"print", "select_extruder", map[string]any{"extruder_index": 1}, "nozzle_target_temper", 200},
		{"print", "set_bed_temp", map[string]any{"temp": 50}, "bed_target_temper", 50},
		{"print", "set_ctt", map[string]any{"ctt_val": 50}, "ctt", 50},
		{"print", "set_airduct", map[string]any{"modeId": 1, "submode": -1}, "device.airduct.modeCur", 1},
		{"print", "set_fan", map[string]any{"fan_index": 2, "speed": 70}, "device.airduct.parts.1.state", 70},
		{"print", "gcode_line", map[string]any{"param": "M106 P1 S255\nM140 S61\n"}, "bed_target_temper", 61},
		{"print", "gcode_line", map[string]any{"param": "M104 T0 S180 ; right\n"}, "device.extruder.info.0.temp", 180<<16 | 25},
		{"print", "ams_filament_setting", filament, "ams.ams.0.tray.3.tray_color", "00AE42FF"},
		{"print", "ams_filament_drying", map[string]any{"ams_id": 0, "mode": 1, "temp": 55, "duration": 8}, "ams.ams.0.dry_time", 480},
		{"camera", "ipcam_record_set", map[string]any{"control": "disable"}, "ipcam.ipcam_record", "disable"},
		{"camera", "ipcam_timelapse", map[string]any{"control": "enable"}, "ipcam.timelapse", "enable"},
		{"xcam", "xcam_control_set", map[string]any{"module_name": "spaghetti_detector", "control": false}, "xcam.spaghetti_detector", false},
		{"system", "set_accessories", map[string]any{"accessory_type": "nozzle", "nozzle_diameter": 0.6, "nozzle_type": "hardened_steel"}, "nozzle_diameter", "0.6"},
	} {
		// The temperatures of a cold machine: how far it got is not the point here.
		b.succeed(c.class, c.command, c.members)
		if strings.HasSuffix(c.field, ".temp") {
			want, _ := c.want.(int)
			for deadline := time.Now().Add(patience); ; b.read() {
				n, _ := lookup(b.print, c.field).(json.Number)
				if got, _ := n.Int64(); got>>16 == int64(want>>16) {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s: %v", c.field, lookup(b.print, c.field))
				}
			}
			continue
		}
		b.until(c.field, c.want)
	}
}

func TestWhatCannotBeIsRefusedInWords(t *testing.T) {
	t.Parallel()
	b := newRig(t).printer(t, Config{Model: "A1 mini", Serial: "03000A000000001"})
	for _, c := range []struct {
		class, command string
		members        map[string]any
	}{
		{"print", "dance", nil},
		{"print", "set_nozzle_temp", map[string]any{"param": "301"}},
		{"print", "set_bed_temp", map[string]any{"param": "81"}},
		{"print", "set_bed_temp", map[string]any{"param": "warm"}},
		{"print", "set_chamber_temp", map[string]any{"param": "40"}},
		{"print", "set_ctt", map[string]any{"param": "50"}},
		{"print", "set_airduct", map[string]any{"param": "50"}},
		{"print", "gcode_line", map[string]any{"param": "M104 S400\n"}},
		{"print", "pause", nil},
		{"print", "resume", nil},
		{"print", "stop", nil},
		{"print", "print_speed", map[string]any{"param": "2"}},
		{"system", "ledctrl", map[string]any{"led_node": "chamber_light", "led_mode": "on"}},
		{"print", "gcode_file", map[string]any{"param": "/etc/x.gcode"}},
	} {
		b.refuse(c.class, c.command, c.members)
	}
	if reply := b.refuse("print", "dance", map[string]any{"steps": 3}); reply["reason"] != "unknown command" || fmt.Sprint(reply["steps"]) != "3" {
		t.Errorf("a reply repeats the request: %v", reply)
	}
}

// notes is a ledger in memory.
type notes struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(b)
}

func (n *notes) starts(t *testing.T) []Start {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []Start
	for line := range strings.Lines(n.text.String()) {
		var s Start
		must(t, json.Unmarshal([]byte(line), &s))
		all = append(all, s)
	}
	return all
}

func TestAPrintRunsToItsEnd(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"P1S", "X1C", "A1 mini", "H2D"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			r, ledger := newRig(t), &notes{}
			b := r.printer(t, Config{Model: model, Speed: 60, Ledger: ledger})
			b.pushall()
			b.states = nil
			content := sample.ThreeMF(sample.Layers(50), sample.Seconds(1800))
			b.succeed("print", "project_file", r.project(content))
			var percents, layers, stages []string
			for b.print["gcode_state"] != "FINISH" {
				b.read()
				percents = appendNew(percents, b.print["mc_percent"])
				layers = appendNew(layers, b.print["layer_num"])
				stages = appendNew(stages, b.print["stg_cur"])
			}
			if diff := cmp.Diff([]string{"IDLE", "PREPARE", "RUNNING", "FINISH"}, b.states); diff != "" {
				t.Errorf("states (-want +got)\n%s", diff)
			}
			if len(percents) < 20 || !slices.IsSortedFunc(percents, byNumber) {
				t.Errorf("percent must rise: %v", percents)
			}
			if len(layers) < 10 || !slices.IsSortedFunc(layers, byNumber) {
				t.Errorf("layers must rise: %v", layers)
			}
			if len(stages) < 5 {
				t.Errorf("stages %v", stages)
			}
			for path, want := range map[string]any{
				"mc_percent": 100, "mc_remaining_time": 0, "layer_num": 50, "total_layer_num": 50, "task_id": "731905", "subtask_id": "731906",
				"subtask_name": "cube", "nozzle_target_temper": 0, "bed_target_temper": 0, "print_error": 0,
			} {
				b.until(path, want)
			}
			want := Start{Serial: b.Serial(), TaskID: "731905", SubtaskID: "731906", File: "cube.gcode.3mf", Plate: 1, PlateClear: true, StateBefore: "IDLE"}
			got := ledger.starts(t)
			if len(got) != 1 || got[0].At.IsZero() {
				t.Fatalf("ledger %+v", got)
			}
			got[0].At = time.Time{}
			if diff := cmp.Diff(want, got[0]); diff != "" {
				t.Errorf("ledger (-want +got)\n%s", diff)
			}
			if b.PlateClear() {
				t.Error("a part must lie on the plate")
			}
			remain, _ := lookup(b.print, "ams.ams.0.tray.2.remain").(json.Number)
			if n, _ := remain.Int64(); n < 1 || n > 60 {
				t.Errorf("filament remaining %v", remain)
			}
		})
	}
}

func appendNew(list []string, v any) []string {
	if s := fmt.Sprint(v); len(list) == 0 || list[len(list)-1] != s {
		return append(list, s)
	}
	return list
}

func byNumber(a, b string) int {
	var x, y int
	_, _ = fmt.Sscan(a, &x)
	_, _ = fmt.Sscan(b, &y)
	return x - y
}

func TestPauseResumeAndStop(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.printer(t, Config{Speed: 10})
	b.pushall()
	b.succeed("print", "project_file", r.project(sample.ThreeMF(sample.Seconds(36000))))
	b.until("gcode_state", "RUNNING")
	b.succeed("print", "pause", nil)
	b.until("gcode_state", "PAUSE")
	b.until("stg_cur", 16)
	b.succeed("print", "resume", nil)
	b.until("gcode_state", "RUNNING")
	b.until("stg_cur", 0)
	b.succeed("print", "print_speed", map[string]any{"param": "4"})
	b.until("spd_mag", 166)
	b.succeed("print", "skip_objects", map[string]any{"obj_list": []int{206, 311}})
	b.until("s_obj", "[206 311]")
	b.succeed("print", "stop", map[string]any{"param": ""})
	b.until("gcode_state", "FAILED")
	b.until("print_error", 50348044)
	b.until("print_error", 0)
	b.until("nozzle_target_temper", 0)
	b.until("layer_num", 0)
}

func TestABusyPrinterRefusesAStart(t *testing.T) {
	t.Parallel()
	r, ledger := newRig(t), &notes{}
	b := r.printer(t, Config{Begin: BeginPrinting, Ledger: ledger})
	b.pushall()
	reply := b.refuse("print", "project_file", r.project(sample.ThreeMF()))
	if fmt.Sprint(reply["err_code"]) != "83902468" {
		t.Errorf("err_code %v", reply["err_code"])
	}
	b.pushall()
	if b.print["gcode_state"] != "RUNNING" || b.print["subtask_name"] != "benchy" || fmt.Sprint(b.print["print_error"]) != "0" {
		t.Errorf("the running print was disturbed: %s", b.last)
	}
	if got := ledger.starts(t); len(got) != 0 {
		t.Errorf("ledger %+v", got)
	}
}

func TestAFileThatIsNoUseFailsThePrint(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := sample.ThreeMF()
	b := r.printer(t, Config{Speed: 10})
	b.pushall()
	for name, change := range map[string]func(map[string]any){
		"wrong md5":     func(m map[string]any) { m["md5"] = strings.Repeat("0", 32) },
		"lower md5":     func(m map[string]any) { m["md5"] = strings.ToLower(fmt.Sprint(m["md5"])) },
		"no such link":  func(m map[string]any) { m["url"] = r.files.URL + "/elsewhere" },
		"no such plate": func(m map[string]any) { m["param"] = "Metadata/plate_9.gcode" },
		"no scheme":     func(m map[string]any) { m["url"] = "gopher://cube.gcode.3mf" },
		"no print file": func(m map[string]any) {
			r.file("noise.gcode.3mf", []byte("noise"))
			m["url"], m["md5"] = r.files.URL+"/noise.gcode.3mf", ""
		},
	} {
		project := r.project(good)
		change(project)
		b.succeed("print", "project_file", project)
		b.until("gcode_state", "PREPARE")
		b.until("gcode_state", "FAILED")
		b.until("print_error", 83902467)
		b.succeed("print", "clean_print_error", nil)
		b.until("print_error", 0)
		t.Log(name)
	}
	if !b.PlateClear() {
		t.Error("nothing was ever printed")
	}
}

func TestALateStartIsSilentAndThenHappensOnce(t *testing.T) {
	t.Parallel()
	r, ledger := newRig(t), &notes{}
	b := r.printer(t, Config{Faults: Faults{AcceptDelaySeconds: 0.15}, Begin: BeginFinished, Ledger: ledger})
	b.pushall()
	project := r.project(sample.ThreeMF())
	sent := time.Now()
	first := b.send("print", "project_file", project)
	second := b.send("print", "project_file", project)
	reply := b.next("project_file")
	if waited := time.Since(sent); waited < 150*time.Millisecond {
		t.Errorf("answered after %v", waited)
	}
	if reply["sequence_id"] != first || reply["result"] != "SUCCESS" {
		t.Errorf("first reply %v", reply)
	}
	if reply := b.next("project_file"); reply["sequence_id"] != second || reply["result"] != "fail" {
		t.Errorf("second reply %v", reply)
	}
	b.until("gcode_state", "PREPARE")
	got := ledger.starts(t)
	if len(got) != 1 || got[0].PlateClear || got[0].StateBefore != "FINISH" {
		t.Errorf("ledger %+v", got)
	}
}

func TestThePlateIsOccupiedUntilSomebodyClearsIt(t *testing.T) {
	t.Parallel()
	r, ledger := newRig(t), &notes{}
	b := r.printer(t, Config{Begin: BeginFinished, Speed: 300, Ledger: ledger})
	b.pushall()
	if b.print["gcode_state"] != "FINISH" || b.PlateClear() || b.State() != "FINISH" {
		t.Fatalf("it should wait for its plate: %s", b.last)
	}
	for _, cleared := range []bool{false, true} {
		if cleared {
			b.ClearPlate()
		}
		b.succeed("print", "project_file", r.project(sample.ThreeMF(sample.Seconds(600))))
		b.until("gcode_state", "PREPARE")
		b.until("gcode_state", "FINISH")
	}
	got := ledger.starts(t)
	if len(got) != 2 || got[0].PlateClear || !got[1].PlateClear {
		t.Errorf("ledger %+v", got)
	}
}

func TestHealthMessagesComeAndGo(t *testing.T) {
	t.Parallel()
	b := newRig(t).printer(t, Config{})
	b.pushall()
	b.goWrong(Faults{HMS: []HMS{{Attr: 0x03000100, Code: 0x00010001}}})
	b.until("hms.0.attr", 0x03000100)
	b.goWrong(Faults{})
	b.until("hms", "[]")
}

func TestTheSignatureOfALinkIsNeverLogged(t *testing.T) {
	t.Parallel()
	for _, link := range []string{"http://127.0.0.1:1/f?Signature=canary", "ftp://x/?Signature=canary", "://?Signature=canary"} {
		f := source{client: &http.Client{}, card: newTestCard(t, Card{})}.fetch(t.Context(), order{url: link, name: "x.gcode"})
		if f.err == nil || strings.Contains(f.err.Error(), "canary") {
			t.Errorf("error %v", f.err)
		}
	}
}

func TestARefusedStartLeavesNoTrace(t *testing.T) {
	t.Parallel()
	r, ledger := newRig(t), &notes{}
	b := r.printer(t, Config{Faults: Faults{RefuseStarts: true}, Ledger: ledger})
	b.pushall()
	b.refuse("print", "project_file", r.project(sample.ThreeMF()))
	b.pushall()
	if b.print["gcode_state"] != "IDLE" || len(ledger.starts(t)) != 0 {
		t.Errorf("state %v, ledger %v", b.print["gcode_state"], ledger.starts(t))
	}
}

func TestAPrintGoesOnWhileTheLinkIsDown(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.printer(t, Config{Speed: 20, Retry: 20 * time.Millisecond})
	b.pushall()
	b.succeed("print", "project_file", r.project(sample.ThreeMF(sample.Seconds(7200))))
	b.until("gcode_state", "RUNNING")
	b.until("stg_cur", 0)
	cl, ok := r.broker.Clients.Get(b.Serial())
	if !ok {
		t.Fatal("the broker does not know the printer")
	}
	before := b.print["mc_remaining_time"]
	b.print = map[string]any{}
	cl.Stop(grove.Unavailable)
	for b.print["online"] == nil { // it is back
		b.read()
	}
	b.pushall()
	if b.print["gcode_state"] != "RUNNING" || b.print["task_id"] != "731905" {
		t.Errorf("after the reconnect: %s", b.last)
	}
	if byNumber(fmt.Sprint(b.print["mc_remaining_time"]), fmt.Sprint(before)) > 0 {
		t.Errorf("remaining %v, before %v", b.print["mc_remaining_time"], before)
	}
}

func TestSwitchedOffAndOnAgainStillWantsItsFile(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.newBench(t, Config{})
	b.m.obey(bambu.Request{Class: "print", Command: "project_file", Fields: rawFields(t, r.project(sample.ThreeMF()))})
	b.m.out, b.m.order = nil, nil // lost with the process that was to fetch it
	b.on()
	b.next("push_status")
	b.pushall()
	b.until("gcode_state", "RUNNING")
}

func rawFields(t *testing.T, members map[string]any) map[string]json.RawMessage {
	t.Helper()
	fields := map[string]json.RawMessage{}
	for k, v := range members {
		raw, err := json.Marshal(v)
		must(t, err)
		fields[k] = raw
	}
	return fields
}

func TestAWrongSecretIsTriedAgainAndNeverFatal(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	b := r.newBench(t, Config{})
	b.cfg.Secret = "wrong"
	b.on()
	select {
	case err := <-b.stopped:
		t.Fatalf("Run ended: %v", err)
	case message := <-b.heard:
		t.Fatalf("said %s", message)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestWhatCannotBeSimulatedIsRefused(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{
		{Broker: "127.0.0.1:1"},
		{Serial: "S", Broker: "nowhere"},
		{Serial: "S", Broker: "127.0.0.1:1", Model: "Prusa"},
		{Serial: "S", Broker: "127.0.0.1:1", Speed: 601},
		{Serial: "S", Broker: "127.0.0.1:1", Begin: "dancing"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
