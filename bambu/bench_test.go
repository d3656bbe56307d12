package bambu_test

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove/bambu"
)

// bigReport is a full report of about 15 KB: the X1C's, with filament units
// added to the four that a printer can have.
func bigReport(tb testing.TB) []byte {
	tb.Helper()
	var m map[string]map[string]any
	if err := json.Unmarshal(read(tb, "x1c_full.json"), &m); err != nil {
		tb.Fatal(err)
	}
	ams := m["print"]["ams"].(map[string]any)
	units := ams["ams"].([]any)
	whole := units[1].(map[string]any)
	for _, id := range []int{2, 3, 129, 130, 131, 132} {
		units = append(units, map[string]any{"id": strconv.Itoa(id), "humidity": "5", "temp": "31.0", "tray": whole["tray"]})
	}
	ams["ams"], ams["ams_exist_bits"], ams["tray_exist_bits"] = units, "1ff", "1ffff"
	report, err := json.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// bigDelta is a report of changes of about 1 KB.
func bigDelta() []byte {
	return []byte(`{"print":{"nozzle_temper":219.8125,"nozzle_target_temper":220,"bed_temper":60.03125,"bed_target_temper":60,"cooling_fan_speed":"15",` +
		`"big_fan1_speed":"11","big_fan2_speed":"10","mc_percent":44,"mc_remaining_time":81,"layer_num":63,"total_layer_num":200,"wifi_signal":"-54dBm",` +
		`"gcode_state":"RUNNING","stg_cur":0,"home_flag":-1066934785,"fan_gear":11189247,"print_error":0,"ams_status":768,"spd_lvl":2,"spd_mag":100,` +
		`"ams":{"ams":[{"id":"0","humidity":"4","temp":"27.4","tray":[{"id":"0","remain":72,"state":11,"tray_color":"F2754EFF","tray_type":"PLA"},{"id":"1","remain":-1},{"id":"2"},{"id":"3"}]}],"tray_now":"0","tray_exist_bits":"1fff3","version":14},` +
		`"device":{"extruder":{"state":1,"info":[{"id":0,"temp":14418140,"snow":256}]},"bed":{"info":{"temp":3932220}}},` +
		`"hms":[{"attr":83887616,"code":131184}],"lights_report":[{"node":"chamber_light","mode":"on"}],"net":{"conf":0,"info":[{"ip":3003295936,"mask":16777215}]},` +
		`"upload":{"status":"idle","progress":0,"message":""},"command":"push_status","msg":1,"sequence_id":"30535"}}`)
}

// mapMerge is the least that a merge of maps must do: no lists by id, no copies.
func mapMerge(state, delta map[string]any) {
	for k, v := range delta {
		old, ok := state[k].(map[string]any)
		now, both := v.(map[string]any)
		if ok && both {
			mapMerge(old, now)
			continue
		}
		state[k] = v
	}
}

func BenchmarkMerge(b *testing.B) {
	full, delta := bigReport(b), bigDelta()
	b.Logf("state %d bytes, delta %d bytes", len(full), len(delta))
	b.Run("delta", func(b *testing.B) {
		s := bambu.NewState()
		merge(b, s, full)
		b.SetBytes(int64(len(delta)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Merge(delta); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("full", func(b *testing.B) {
		s := bambu.NewState()
		b.SetBytes(int64(len(full)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Merge(full); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("delta into maps", func(b *testing.B) {
		state := decode(b, full)["print"].(map[string]any)
		b.SetBytes(int64(len(delta)))
		b.ReportAllocs()
		for b.Loop() {
			d := json.NewDecoder(bytes.NewReader(delta))
			d.UseNumber()
			var m map[string]any
			if err := d.Decode(&m); err != nil {
				b.Fatal(err)
			}
			mapMerge(state, m["print"].(map[string]any))
		}
	})
}

func BenchmarkShadow(b *testing.B) {
	s := bambu.NewState()
	merge(b, s, read(b, "p1s_full.json"))
	b.ReportAllocs()
	for b.Loop() {
		if sh := s.Shadow(); sh.Percent != 42 {
			b.Fatal(sh)
		}
	}
}

func BenchmarkAppendJSON(b *testing.B) {
	s := bambu.NewState()
	merge(b, s, bigReport(b))
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = s.AppendJSON(buf[:0])
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkCheckGcode(b *testing.B) {
	m, _ := bambu.LookupModel("P1S")
	all, err := bambu.ParseRequests([]byte(`{"print":{"command":"gcode_line","param":"` + strings.Repeat(`G1 X10 Y10 E0.5 F3000\nM104 S220\n`, 50) + `"}}`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := bambu.Check(m, all[0]); err != nil {
			b.Fatal(err)
		}
	}
}
