package bambu_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

func TestAStartSaysAllThatPrintersWant(t *testing.T) {
	t.Parallel()
	s := bambu.Start{
		SequenceID: "40010", TaskID: 731905, Nonce: "731906", Name: "bracket_v2", File: "bracket_v2.gcode.3mf",
		URL: "https://grove.example/f/f_1/content?Expires=1&Signature=ab", MD5: "0f343b0931126a20f133d67c2b018a3b", Plate: 2, ThreeMF: true, ProjectID: 12, ProfileID: 34,
		Options: grove.Options{UseAMS: true, AMSMapping: []int{0, 5, -1, 128, 254}, BedType: "textured_plate", BedLeveling: true, VibrationCali: true, Timelapse: true},
	}
	golden(t, "start_3mf.golden", string(s.Payload())+"\n")
	plain := bambu.Start{SequenceID: "40011", TaskID: 1, Nonce: "2", File: "cube.gcode", URL: "ftp://cube.gcode"}
	golden(t, "start_gcode.golden", string(plain.Payload())+"\n")
}

func TestIDsAreTextAndSwitchesAreBools(t *testing.T) {
	t.Parallel()
	s := bambu.Start{TaskID: 7, Nonce: "8", File: "a.3mf", ThreeMF: true, Options: grove.Options{UseAMS: true}}
	said := decode(t, s.Payload())["print"].(map[string]any)
	for _, id := range []string{"project_id", "profile_id", "task_id", "subtask_id", "sequence_id", "param", "md5"} {
		if _, ok := said[id].(string); !ok {
			t.Errorf("%s is %T", id, said[id])
		}
	}
	for _, option := range []string{"use_ams", "bed_leveling", "flow_cali", "vibration_cali", "layer_inspect", "timelapse"} {
		if _, ok := said[option].(bool); !ok {
			t.Errorf("%s is %T", option, said[option])
		}
	}
	if said["param"] != "Metadata/plate_1.gcode" || said["subtask_name"] != "a" || said["bed_type"] != "auto" {
		t.Errorf("%v", said)
	}
}

func TestTheFilamentUnitIsUsedWhenATrayIsMapped(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		wish    bool
		mapping []int
		want    bool
	}{
		{false, []int{0}, true},
		{false, []int{-1, 128}, true},
		{false, []int{-1}, false},
		{true, []int{-1}, true},
		{false, []int{254}, false},
		{true, nil, true},
		{false, nil, false},
	} {
		s := bambu.Start{File: "a.3mf", Options: grove.Options{UseAMS: row.wish, AMSMapping: row.mapping}}
		if got := decode(t, s.Payload())["print"].(map[string]any)["use_ams"]; got != row.want {
			t.Errorf("%v, %v: %v", row.wish, row.mapping, got)
		}
	}
}

func TestAClientsStartIsReadAsAWish(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		payload string
		want    bambu.StartWish
	}{
		"a slicer's": {
			`{"print":{"sequence_id":"20010","command":"project_file","param":"Metadata/plate_2.gcode","project_id":"12","profile_id":"34","task_id":"0","subtask_id":"0",
			"subtask_name":"bracket_v2","file":"bracket_v2.gcode.3mf","url":"ftp://bracket_v2.gcode.3mf","md5":"0f343b","bed_type":"textured_plate","timelapse":true,
			"bed_leveling":true,"flow_cali":false,"vibration_cali":true,"layer_inspect":false,"use_ams":true,"ams_mapping":[0,5,-1,255]}}`,
			bambu.StartWish{
				Command: "project_file", URL: "ftp://bracket_v2.gcode.3mf", File: "bracket_v2.gcode.3mf", Name: "bracket_v2", MD5: "0F343B", Plate: 2, ProjectID: 12, ProfileID: 34,
				Options: grove.Options{UseAMS: true, AMSMapping: []int{0, 5, -1, -1}, BedType: "textured_plate", BedLeveling: true, VibrationCali: true, Timelapse: true},
			},
		},
		"the other spelling, and numbers for bools": {
			`{"print":{"command":"project_file","param":"Metadata/plate_1.gcode","url":"file:///sdcard/a%20b.3mf","bed_levelling":1,"flow_cali":"true","use_ams":0,"layer_inspect":"0"}}`,
			bambu.StartWish{
				Command: "project_file", URL: "file:///sdcard/a%20b.3mf", File: "a%20b.3mf", Plate: 1,
				Options: grove.Options{BedLeveling: true, FlowCali: true},
			},
		},
		"automatic is on": {
			`{"print":{"command":"project_file","url":"https://host/x/a%20b.3mf?Signature=1/2","bed_leveling":false,"auto_bed_leveling":2,"extrude_cali_flag":1,"ams_mapping":"[1]"}}`,
			bambu.StartWish{
				Command: "project_file", URL: "https://host/x/a%20b.3mf?Signature=1/2", File: "a b.3mf", Plate: 1,
				Options: grove.Options{BedLeveling: true, FlowCali: true, UseAMS: true, AMSMapping: []int{1}},
			},
		},
		"plain G-code as a project": {
			`{"print":{"command":"project_file","param":"cube.gcode","file":"cube.gcode"}}`,
			bambu.StartWish{Command: "project_file", File: "cube.gcode", Plate: 1},
		},
		"an older start": {
			`{"print":{"command":"gcode_file","param":"/sdcard/sub/cube.gcode"}}`,
			bambu.StartWish{Command: "gcode_file", File: "cube.gcode", Plate: 1},
		},
		"a directory of another system": {
			`{"print":{"command":"project_file","file":"..\\..\\cube.3mf","param":"Metadata/plate_1.gcode"}}`,
			bambu.StartWish{Command: "project_file", File: "cube.3mf", Plate: 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := bambu.ParseStart(parse(t, row.payload))
			if diff := cmp.Diff(row.want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestAStartWithoutAUsableFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		`{"print":{"command":"project_file"}}`,
		`{"print":{"command":"project_file","url":"","file":".."}}`,
		`{"print":{"command":"project_file","url_enc":"xyz","param":"Metadata/plate_1.gcode"}}`,
		`{"print":{"command":"project_file","file":"a.3mf","param":"Metadata/plate_0.gcode"}}`,
		`{"print":{"command":"project_file","file":"a.3mf","param":"Metadata/plate_x.gcode"}}`,
		`{"print":{"command":"project_file","file":"a.3mf","param":"b.gcode"}}`,
		`{"print":{"command":"project_file","file":"a.3mf","ams_mapping":[300]}}`,
		`{"print":{"command":"project_file","file":"a.3mf","ams_mapping":[1.5]}}`,
		`{"print":{"command":"project_file","file":"a.3mf","ams_mapping":"all"}}`,
		`{"print":{"command":"project_file","file":"a.3mf","ams_mapping":{}}}`,
		`{"print":{"command":"gcode_file"}}`,
		`{"print":{"command":"gcode_file","param":"/"}}`,
		`{"print":{"command":"gcode_file","param":"/usr/etc/print/auto_cali_for_user.gcode"}}`,
		`{"print":{"command":"calibration","option":14}}`,
		`{"print":{"command":"pause"}}`,
	} {
		if w, err := bambu.ParseStart(parse(t, payload)); !errors.Is(err, grove.Invalid) {
			t.Errorf("%s: %+v, %v", payload, w, err)
		}
	}
}

func TestAStartThatWeWriteIsReadBackTheSame(t *testing.T) {
	t.Parallel()
	s := bambu.Start{
		TaskID: 5, Nonce: "6", Name: "part", File: "part.gcode.3mf", URL: "https://x/part.gcode.3mf", MD5: "AB", Plate: 3, ThreeMF: true, ProjectID: 1, ProfileID: 2,
		Options: grove.Options{UseAMS: true, AMSMapping: []int{3, -1, 129}, BedType: "hot_plate", FlowCali: true, LayerInspect: true},
	}
	w, err := bambu.ParseStart(parse(t, string(s.Payload())))
	want := bambu.StartWish{Command: "project_file", URL: s.URL, File: s.File, Name: s.Name, MD5: s.MD5, Plate: s.Plate, Options: s.Options, ProjectID: 1, ProfileID: 2}
	if diff := cmp.Diff(want, w); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
