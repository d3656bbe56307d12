package printfile_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

// seeds are small files of every kind, sound and not.
func seeds(f *testing.F) {
	f.Helper()
	f.Add("a.3mf", small(sample.Layers(2)))
	f.Add("a.gcode.3mf", small(sample.Layers(1), sample.Name("<b>&\"")))
	f.Add("a.3mf", small(sample.Unsliced()))
	f.Add("a.3mf", manyEntries(1, 2))
	f.Add("a.gcode", sample.Gcode(sample.Layers(2)))
	f.Add("a.gcode", []byte("; thumbnail begin 1x1 4\n; AAAA\n; thumbnail end\nM73 P1 R2 L3\nT0\nM104 S1\nM1002 gcode_claim_action : 4\n"))
	f.Add("a.stl", sample.STL())
	f.Add("a.step", sample.STEP())
	f.Add("a", []byte{})
}

// small is a 3MF without pictures: mutations should hit something else.
func small(options ...sample.Option) []byte {
	for _, picture := range []string{"plate_1", "plate_1_small", "plate_no_light_1", "top_1", "pick_1"} {
		options = append(options, sample.Without("Metadata/"+picture+".png"))
	}
	return sample.ThreeMF(options...)
}

func fuzzLimits() printfile.Limits {
	return printfile.Limits{UnpackedBytes: 8 << 20, XMLBytes: 1 << 20, Pixels: 1 << 20, Time: 10 * time.Second, Steps: 100}
}

func FuzzRead(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		r, size := bytes.NewReader(content), int64(len(content))
		info, err := printfile.Read(t.Context(), r, size, name, fuzzLimits())
		if err != nil {
			t.Fatalf("an error for content in memory: %v", err)
		}
		checkInfo(t, info)
		_, err = printfile.Thumbnail(t.Context(), r, size, 1, fuzzLimits())
		if err != nil && !errors.Is(err, grove.NotFound) && !errors.Is(err, grove.Invalid) {
			t.Errorf("thumbnail: %v", err)
		}
	})
}

// FuzzMembers reads foreign members in a sound archive.
func FuzzMembers(f *testing.F) {
	f.Add([]byte(`<config><plate><metadata key="index" value="1"/><metadata key="prediction" value="60"/><object name="x"/><filament id="1" type="PLA" color="#112233" used_g="1"/></plate></config>`),
		[]byte(`<config><plate><metadata key="plater_id" value="1"/><metadata key="plater_name" value="n"/></plate></config>`),
		[]byte(`<model><metadata name="Title">t</metadata><resources/></model>`), []byte(`{"bed_type":"x"}`), []byte("G28\nM104 S200\n"))
	f.Fuzz(func(t *testing.T, slice, settings, model, about, gcode []byte) {
		var entries []entry
		for name, content := range map[string][]byte{
			"Metadata/slice_info.config": slice, "Metadata/model_settings.config": settings, "3D/3dmodel.model": model,
			"Metadata/plate_1.json": about, "Metadata/plate_1.gcode": gcode,
		} {
			entries = append(entries, entry{header: zip.FileHeader{Name: name}, content: content})
		}
		content := pack(t, entries...)
		info, err := printfile.Read(t.Context(), bytes.NewReader(content), int64(len(content)), "a.3mf", fuzzLimits())
		if err != nil {
			t.Fatal(err)
		}
		checkInfo(t, info)
	})
}

// checkInfo holds an info against what is promised of every one.
func checkInfo(t *testing.T, info printfile.Info) {
	t.Helper()
	if info.Problem == "" && (!info.Sliced || len(info.Plates) == 0) {
		t.Errorf("neither sliced nor a problem: %+v", info)
	}
	if !utf8.ValidString(info.Title + info.Model + info.Problem) {
		t.Errorf("no text: %+v", info)
	}
	if _, err := json.Marshal(info); err != nil {
		t.Errorf("not fit for JSON: %v", err)
	}
	for _, p := range info.Plates {
		if p.Index < 1 || p.Name == "" || !utf8.ValidString(p.Name) || p.Filaments == nil || p.EstimateSeconds < 0 || p.WeightGrams < 0 {
			t.Errorf("plate %+v", p)
		}
	}
}

func FuzzTimeline(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		tl, err := printfile.ReadTimeline(t.Context(), bytes.NewReader(content), int64(len(content)), name, 1, fuzzLimits())
		if err != nil {
			if !errors.Is(err, grove.NotFound) && !errors.Is(err, grove.Invalid) {
				t.Errorf("timeline: %v", err)
			}
			return
		}
		checkCourse(t, tl)
		if len(tl.Steps) > 101 {
			t.Errorf("%d steps", len(tl.Steps))
		}
	})
}

func FuzzSniff(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		kind, _ := printfile.Kind(name)
		err := printfile.Sniff(kind, content, int64(len(content)))
		if err != nil && !errors.Is(err, grove.Invalid) {
			t.Errorf("error is %v", err)
		}
		if err == nil && len(content) == 0 {
			t.Error("nothing fits")
		}
	})
}
