package printfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

func timeline(t *testing.T, name string, content []byte, plate int) printfile.Timeline {
	t.Helper()
	tl, err := printfile.ReadTimeline(t.Context(), bytes.NewReader(content), int64(len(content)), name, plate, printfile.Limits{})
	if err != nil {
		t.Fatalf("ReadTimeline(%q): %v", name, err)
	}
	checkCourse(t, tl)
	return tl
}

// checkCourse holds a timeline against what is promised of every one.
func checkCourse(t *testing.T, tl printfile.Timeline) {
	t.Helper()
	if len(tl.Steps) < 2 || tl.EstimateSeconds < 1 {
		t.Fatalf("%d steps, %d s", len(tl.Steps), tl.EstimateSeconds)
	}
	first, last := tl.Steps[0], tl.Steps[len(tl.Steps)-1]
	if first.RemainingSeconds != tl.EstimateSeconds || last.RemainingSeconds != 0 || last.Percent != 100 {
		t.Errorf("of %d s, the first step is %+v, the last %+v", tl.EstimateSeconds, first, last)
	}
	for i, s := range tl.Steps {
		if s.Percent < 0 || s.Percent > 100 || s.RemainingSeconds < 0 || s.Layer < 0 || s.Nozzle < 0 || s.Bed < 0 || s.Chamber < 0 || s.Tool < -1 || s.Stage < 0 || s.Line < 1 {
			t.Fatalf("step %d is %+v", i, s)
		}
		if i == 0 {
			continue
		}
		if was := tl.Steps[i-1]; s.Percent < was.Percent || s.RemainingSeconds > was.RemainingSeconds || s.Line < was.Line {
			t.Fatalf("step %d goes back: %+v, %+v", i, was, s)
		}
	}
}

func TestTimelineFollowsTheGcode(t *testing.T) {
	t.Parallel()
	gcode := strings.Join([]string{
		"; HEADER_BLOCK_START",
		"; model printing time: 3m 0s; total estimated time: 4m 0s",
		"; total layer number: 2",
		"M73 P0 R4",
		"M73.2 R1.0 ; not the time left",
		"M1002 gcode_claim_action : 2",
		"M190 S60",
		"M1002 judge_flag g29_before_print_flag",
		"M104 S220",
		"M620 S1A", "T1", "M621 S1A", "T255", "T1000",
		"M1002 gcode_claim_action : 0",
		"; CHANGE_LAYER",
		"M73 L1",
		"G1 X1", "G1 X2",
		"M73 P50 R2",
		"; CHANGE_LAYER",
		"M73 L2",
		"M104 S0",
		"M73 P100 R0",
	}, "\n")
	got := timeline(t, "a.gcode", []byte(gcode), 1)
	step := func(line, percent, remaining, layer, nozzle, bed, tool, stage int) printfile.Step {
		return printfile.Step{Line: line, Percent: percent, RemainingSeconds: remaining, Layer: layer, Nozzle: nozzle, Bed: bed, Tool: tool, Stage: stage}
	}
	want := printfile.Timeline{EstimateSeconds: 240, Layers: 2, Steps: []printfile.Step{
		step(1, 0, 240, 0, 0, 0, -1, 0),
		step(4, 0, 240, 0, 0, 0, -1, 0),
		step(6, 0, 225, 0, 0, 0, -1, 2),
		step(7, 0, 218, 0, 0, 60, -1, 2),
		step(9, 0, 203, 0, 220, 60, -1, 2),
		step(11, 0, 188, 0, 220, 60, 1, 2),
		step(15, 0, 158, 0, 220, 60, 1, 0),
		step(16, 0, 150, 1, 220, 60, 1, 0),
		step(20, 50, 120, 1, 220, 60, 1, 0),
		step(21, 50, 90, 2, 220, 60, 1, 0),
		step(23, 50, 30, 2, 0, 60, 1, 0),
		step(24, 100, 0, 2, 0, 60, 1, 0),
		step(24, 100, 0, 2, 0, 60, 1, 0),
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}

func TestTimelineOfASlicedFile(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Plates(2), sample.Layers(50), sample.Seconds(7200), sample.Filaments(grove.Filament{}, grove.Filament{Type: "PETG"}))
	tl := timeline(t, "a.gcode.3mf", content, 2)
	if tl.EstimateSeconds != 7200 || tl.Layers != 50 {
		t.Errorf("%d s, %d layers", tl.EstimateSeconds, tl.Layers)
	}
	stages, tools, layers := map[int]bool{}, map[int]bool{}, map[int]bool{}
	for _, s := range tl.Steps {
		stages[s.Stage], tools[s.Tool], layers[s.Layer] = true, true, true
	}
	for _, stage := range []int{0, 1, 2, 4, 13, 14} {
		if !stages[stage] {
			t.Errorf("stage %d is missing", stage)
		}
	}
	if len(tools) != 3 || len(layers) != 51 {
		t.Errorf("tools %v, %d layers", tools, len(layers))
	}
	if last := tl.Steps[len(tl.Steps)-1]; last.Nozzle != 0 || last.Bed != 0 {
		t.Errorf("ends hot: %+v", last)
	}
	bare := timeline(t, "a.gcode", sample.Gcode(sample.Layers(50), sample.Seconds(7200)), 1)
	if bare.EstimateSeconds != 7200 || bare.Layers != 50 {
		t.Errorf("bare: %d s, %d layers", bare.EstimateSeconds, bare.Layers)
	}
}

func TestTimePassesByLayersWithoutM73(t *testing.T) {
	t.Parallel()
	layers := strings.Repeat(";LAYER_CHANGE\nG1 X1\nG1 X2\n", 10)
	for name, c := range map[string]struct {
		gcode     string
		estimate  int
		remaining int // at the beginning of layer 6
	}{
		"with a time in the header": {"; total estimated time: 10m 0s\n" + layers, 600, 300},
		"with nothing at all":       {"; x\n" + layers, 200, 100},
	} {
		tl := timeline(t, "a.gcode", []byte(c.gcode), 1)
		if tl.EstimateSeconds != c.estimate || tl.Layers != 10 {
			t.Errorf("%s: %d s, %d layers", name, tl.EstimateSeconds, tl.Layers)
		}
		for _, s := range tl.Steps {
			if s.Layer == 6 && (s.RemainingSeconds != c.remaining || s.Percent != 50) {
				t.Errorf("%s: %+v", name, s)
			}
		}
	}
	if tl := timeline(t, "a.gcode", []byte("G28\nM104 S200\n"), 1); tl.EstimateSeconds != 60 {
		t.Errorf("without layers: %+v", tl)
	}
}

func TestPercentAloneGivesTheTime(t *testing.T) {
	t.Parallel()
	tl := timeline(t, "a.gcode", []byte("; total estimated time: 1000s\nM73 P0\nG1\nM73 P25\nG1\nM73 P100\n"), 1)
	for _, s := range tl.Steps {
		if s.Percent == 25 && s.RemainingSeconds != 750 {
			t.Errorf("%+v", s)
		}
	}
}

func TestALongTimelineIsThinned(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("; total estimated time: 10h 0m 0s\n")
	const layers = 90_000
	for i := range layers {
		fmt.Fprintf(&b, "; CHANGE_LAYER\nM73 P%d R%d\nM104 S%d\n", 100*i/layers, 600-600*i/layers, 200+i%2)
	}
	tl := timeline(t, "a.gcode", []byte(b.String()), 1)
	if n := len(tl.Steps); n > 20_001 || n < 5_000 {
		t.Errorf("%d steps", n)
	}
	if tl.Layers != layers {
		t.Errorf("%d layers", tl.Layers)
	}
	half := tl.Steps[len(tl.Steps)/2]
	if share := float64(half.RemainingSeconds) / float64(tl.EstimateSeconds); half.Layer == 0 || share < 0.2 || share > 0.8 {
		t.Errorf("half way is %+v", half)
	}
}

func TestATimelineNeedsASlicedPlate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		content []byte
		plate   int
		want    grove.Code
	}{
		{"a.3mf", small(), 2, grove.NotFound},
		{"a.3mf", small(), 0, grove.NotFound},
		{"a.gcode", sample.Gcode(sample.Layers(1)), 2, grove.NotFound},
		{"a.3mf", small(sample.Unsliced()), 1, grove.Invalid},
		{"a.stl", sample.STL(), 1, grove.Invalid},
		{"a.step", sample.STEP(), 1, grove.Invalid},
		{"a.txt", []byte("x"), 1, grove.Invalid},
		{"a.3mf", []byte("PK\x03\x04"), 1, grove.Invalid},
		{"a.gcode", nil, 1, grove.Invalid},
	} {
		_, err := printfile.ReadTimeline(t.Context(), bytes.NewReader(c.content), int64(len(c.content)), c.name, c.plate, printfile.Limits{})
		if !errors.Is(err, c.want) {
			t.Errorf("plate %d of %s: %v, want %s", c.plate, c.name, err, c.want)
		}
	}
}
