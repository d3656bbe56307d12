package printfile_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

func read(t *testing.T, name string, content []byte, lim printfile.Limits) printfile.Info {
	t.Helper()
	info, err := printfile.Read(t.Context(), bytes.NewReader(content), int64(len(content)), name, lim)
	if err != nil {
		t.Fatalf("Read(%q): %v", name, err)
	}
	if info.Plates == nil {
		t.Errorf("Read(%q): plates are nil, which JSON would show as null", name)
	}
	return info
}

// wantProblem reads content and expects words about it that contain all of these.
func wantProblem(t *testing.T, name string, content []byte, words ...string) {
	t.Helper()
	info := read(t, name, content, printfile.Limits{})
	for _, w := range words {
		if !strings.Contains(info.Problem, w) {
			t.Errorf("problem of %s is %q, want it to say %q", name, info.Problem, w)
		}
	}
}

func TestKindGoesByTheEnding(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a.3mf": "3mf", "a.gcode.3mf": "3mf", "A.GCODE.3MF": "3mf", "x.gcode": "gcode", "x.stl": "stl",
		"x.STEP": "step", "x.stp": "step", "x.3mf.exe": "", "x": "", "": "", "3mf": "", "x.3mf ": "", "dir.3mf/x": "",
	} {
		got, ok := printfile.Kind(name)
		if got != want || ok != (want != "") {
			t.Errorf("Kind(%q) = %q, %v, want %q", name, got, ok, want)
		}
	}
}

func TestReadTellsWhatASlicedFileHolds(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(
		sample.Name("Bracket"), sample.Model("N1"), sample.Plates(2), sample.Layers(40), sample.Seconds(4520),
		sample.Filaments(grove.Filament{Type: "PETG", Color: "F2754EFF", Preset: "GFG00"}, grove.Filament{Type: "ABS", Color: "102030FF", Preset: "GFB00"}),
	)
	info := read(t, "bracket.gcode.3mf", content, printfile.Limits{})
	plate := func(index int) grove.Plate {
		return grove.Plate{
			Index: index, Name: "Bracket", EstimateSeconds: 4520, WeightGrams: 1.5, Layers: 40, BedType: "textured_plate", NozzleDiameter: 0.4,
			MaxNozzle: 260, MaxBed: 70, HasThumbnail: true,
			Filaments: []grove.Filament{
				{ID: 1, Type: "PETG", Color: "F2754EFF", Preset: "GFG00", Grams: 0.75, Meters: 0.25},
				{ID: 2, Type: "ABS", Color: "102030FF", Preset: "GFB00", Grams: 0.75, Meters: 0.25},
			},
		}
	}
	want := printfile.Info{Kind: "3mf", Sliced: true, Model: "N1", Title: "Bracket", Plates: []grove.Plate{plate(1), plate(2)}}
	if diff := cmp.Diff(want, info, cmpopts.EquateApprox(0, 0.5)); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

func TestReadFallsBackToTheGcodeHeader(t *testing.T) {
	t.Parallel()
	whole := read(t, "cube.3mf", sample.ThreeMF(), printfile.Limits{})
	bare := read(t, "cube.3mf", sample.ThreeMF(
		sample.Without("Metadata/slice_info.config"), sample.Without("Metadata/model_settings.config"),
		sample.Without("Metadata/plate_1.json"), sample.Without("Metadata/plate_1.gcode.md5"),
		sample.Without("Metadata/plate_1.png"), sample.Without("3D/3dmodel.model"),
	), printfile.Limits{})
	whole.Title = ""
	whole.Plates[0].Name = "Plate 1"
	whole.Plates[0].BedType = "Textured PEI Plate"
	whole.Plates[0].HasThumbnail = false
	if diff := cmp.Diff(whole, bare, cmpopts.EquateApprox(0, 0.01)); diff != "" {
		t.Errorf("with configs (-), without (+):\n%s", diff)
	}
}

func TestAPlateWithoutANameIsCalledByItsObject(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Name("gear.stl"), sample.Without("Metadata/model_settings.config"))
	if name := read(t, "a.3mf", content, printfile.Limits{}).Plates[0].Name; name != "gear.stl" {
		t.Errorf("name is %q", name)
	}
}

func TestPlateNumbersNeedNotBeContiguous(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(sample.Plates(4), sample.Without("Metadata/plate_1.gcode"), sample.Without("Metadata/plate_3.gcode"))
	var numbers []int
	for _, p := range read(t, "a.3mf", content, printfile.Limits{}).Plates {
		numbers = append(numbers, p.Index)
	}
	if !slices.Equal(numbers, []int{2, 4}) {
		t.Errorf("plates are %v", numbers)
	}
}

func TestBareGcodeIsOnePlate(t *testing.T) {
	t.Parallel()
	content := sample.Gcode(sample.Seconds(3725), sample.Layers(30), sample.Filaments(grove.Filament{Type: "TPU", Color: "ABCDEFFF", Preset: "GFU01"}))
	got := read(t, "folder/spring.gcode", content, printfile.Limits{})
	want := printfile.Info{Kind: "gcode", Sliced: true, Model: "C12", Plates: []grove.Plate{{
		Index: 1, Name: "spring", EstimateSeconds: 3725, WeightGrams: 1, Layers: 30, BedType: "Textured PEI Plate", NozzleDiameter: 0.4, MaxNozzle: 230, MaxBed: 35,
		Filaments: []grove.Filament{{ID: 1, Type: "TPU", Color: "ABCDEFFF", Preset: "GFU01", Grams: 1, Meters: 0.4}},
	}}}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 0.5)); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

func TestOtherSlicersGcodeIsUnderstood(t *testing.T) {
	t.Parallel()
	content := []byte("; generated by PrusaSlicer\nM73 P0 R10\n;LAYER_CHANGE\nG1 X1\n;LAYER_CHANGE\n; filament used [mm] = 1500.5, 0.00\n; filament used [g] = 4.4, 0.0\n" +
		"; estimated printing time (normal mode) = 1d 2h 3m 4s\n; filament_type = PLA;PETG\n; filament_colour = #112233;#445566\n; nozzle_diameter = 0.6,0.6\n")
	p := read(t, "a.gcode", content, printfile.Limits{}).Plates[0]
	want := grove.Plate{
		Index: 1, Name: "a", EstimateSeconds: 93784, WeightGrams: 4.4, Layers: 2, NozzleDiameter: 0.6,
		Filaments: []grove.Filament{{ID: 1, Type: "PLA", Color: "112233FF", Grams: 4.4, Meters: 1.5005}},
	}
	if diff := cmp.Diff(want, p, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
		t.Errorf("plate (-want +got):\n%s", diff)
	}
}

func TestTheHighestHeatTargetsAreFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, gcode          string
		nozzle, bed, chamber int
	}{
		{"plain", "M104 S200\nM109 S215\nM140 S60\nM190 S65\nM141 S40\nM191 S45\n", 215, 65, 45},
		{"compact and lower case", "m104s230\nm140s70\n", 230, 70, 0},
		{"numbered, with checksum and comment", "N12 M109 S240*71\nM190 S50 ; S999\n", 240, 50, 0},
		{"the highest counts, not the last", "M104 S290\nM104 S0\n", 290, 0, 0},
		{"wait while cooling counts too", "M109 R250\n", 250, 0, 0},
		{"fractions round up", "M104 S219.2\n", 220, 0, 0},
		{"of two values the higher", "M104 T1 S20 S280\n", 280, 0, 0},
		{"comments, placeholders and other codes don't count", "; M104 S999\nM104 S{temp}\nM1040 S999\nM14 S999\nG104 S999\nM104 S-5\n", 0, 0, 0},
		{"a sub-code is taken for the command", "M104.1 S275\n", 275, 0, 0},
		{"absurd values are seen, not wrapped", "M104 S99999999999999999999\n", 1_000_000_000, 0, 0},
		{"windows line ends and no last line end", "G28\r\nM104 S201\r\nM140 S61", 201, 61, 0},
		{"behind a line of a megabyte", ";" + strings.Repeat("x", 1<<20) + "\nM104 S222\n", 222, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := read(t, "a.gcode", []byte("; g\nG28\n"+c.gcode), printfile.Limits{}).Plates[0]
			if p.MaxNozzle != c.nozzle || p.MaxBed != c.bed || p.MaxChamber != c.chamber {
				t.Errorf("got %d, %d, %d, want %d, %d, %d", p.MaxNozzle, p.MaxBed, p.MaxChamber, c.nozzle, c.bed, c.chamber)
			}
		})
	}
}

func TestWhatCannotBePrintedSaysSo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		content []byte
		words   string
	}{
		{"a.stl", sample.STL(), "slice it first"},
		{"a.step", sample.STEP(), "slice it first"},
		{"a.stp", sample.STEP(), "slice it first"},
		{"a.3mf", small(sample.Unsliced()), "slice it first"},
		{"a.gcode.3mf", small(sample.Unsliced()), "not sliced"},
		{"a.gcode", []byte("; only a comment\n"), "no G-code commands"},
		{"a.gcode", nil, "empty"},
		{"a.3mf", nil, "empty"},
		{"a.exe", []byte("MZ"), "not a kind"},
		{"a.3mf", sample.STL(), "no ZIP archive"},
		{"a.stl", small(), "neither an ASCII nor a binary STL"},
		{"a.gcode", small(), "not text with G-code"},
		{"a.3mf", small(sample.Member("Metadata/plate_1.gcode", []byte("; nothing\n")), sample.Without("Metadata/plate_1.gcode.md5")), "no G-code commands"},
	} {
		t.Run(c.name+" "+c.words, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, c.name, c.content, c.words)
		})
	}
}

func TestAModelIsNotSliced(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{"a.stl": sample.STL(), "a.step": sample.STEP(), "a.3mf": small(sample.Unsliced())} {
		info := read(t, name, content, printfile.Limits{})
		if info.Sliced || len(info.Plates) != 0 || info.Problem == "" {
			t.Errorf("%s: %+v", name, info)
		}
	}
}

func TestAWrongChecksumIsAProblem(t *testing.T) {
	t.Parallel()
	const member = "Metadata/plate_1.gcode.md5"
	for name, sum := range map[string]string{"another": strings.Repeat("0", 32), "none": "", "no checksum": "hello", "too long": strings.Repeat("A", 2000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if read(t, "a.3mf", small(sample.Member(member, []byte(sum))), printfile.Limits{}).Problem == "" {
				t.Error("no problem")
			}
		})
	}
	changed := small(sample.Member("Metadata/plate_1.gcode", []byte("G28\n")))
	wantProblem(t, "a.3mf", changed, "checksum differs")
}

// The list is a selection from what is known to upset software that shows or
// stores names.
func naughtyStrings() []string {
	return []string{
		"undefined", "null", "NaN", "true", "0", "-1", "1e999", "0x0", "''", `"`, "--", "; DROP TABLE users", "1;DROP TABLE users", "'; EXEC sp_MSForEachTable 'DROP TABLE ?'; --",
		"<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "javascript:alert(1)", "<svg/onload=alert(1)>", "&lt;script&gt;", "&#x3C;b&#x3E;", "<!--", "]]>", "<![CDATA[",
		"{{7*7}}", "${7*7}", "%d%s%n", "$(touch /tmp/x)", "`id`", "../../etc/passwd", `..\..\boot.ini`, "/dev/null; reboot", "CON", "file:///etc/passwd",
		"田中さんにあげて下さい", "울란바토르", "שלום", "مرحبا", "Ω≈ç√∫", "👩‍👩‍👧‍👦", "🇺🇸🇷🇺", "\u202etest\u202c", "\u200b\ufeffhidden", "Ṱ̺̺o͞ ̷i̲̬n̝̗v̗o̱k̖e", "ﬁ", "Power لُلُصّبُلُلصّبُررً ॣ ॣh ॣ ॣ 冗",
	}
}

func TestNaughtyNamesStayPlainText(t *testing.T) {
	t.Parallel()
	for _, name := range naughtyStrings() {
		f := grove.Filament{Type: name, Color: "010203FF", Preset: name}
		content := small(sample.Name(name), sample.Layers(2), sample.Filaments(f))
		info := read(t, "a.3mf", content, printfile.Limits{})
		if info.Problem != "" {
			t.Fatalf("%q: %s", name, info.Problem)
		}
		p := info.Plates[0]
		if info.Title != name || p.Name != name || p.Filaments[0].Type != name || p.Filaments[0].Preset != name {
			t.Errorf("%q became %q, %q, %+v", name, info.Title, p.Name, p.Filaments[0])
		}
	}
}

func TestNamesFromGcodeLoseControlCharactersAndEndlessness(t *testing.T) {
	t.Parallel()
	gcode := "G28\n; curr_bed_type = a\x1b[31mb\tc\x7f\xff" + strings.Repeat("é", 1000) + "\n"
	got := read(t, "a.gcode", []byte("; x\n"+strings.Repeat("G1\n", 2000)+gcode), printfile.Limits{}).Plates[0].BedType
	if want := "a[31mb c" + strings.Repeat("é", 248); got != want {
		t.Errorf("got %q", got)
	}
}

func TestOddNumbersAreNoNumbers(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"NaN", "Inf", "-Inf", "-5", "1e400", "1e18", "x", ""} {
		slice := []byte(`<config><plate><metadata key="index" value="1"/><metadata key="prediction" value="` + v + `"/><metadata key="weight" value="` + v +
			`"/><metadata key="nozzle_diameters" value="` + v + `"/><filament id="1" used_g="` + v + `" used_m="` + v + `"/></plate></config>`)
		p := read(t, "a.3mf", small(sample.Seconds(60), sample.Member("Metadata/slice_info.config", slice)), printfile.Limits{}).Plates[0]
		if p.EstimateSeconds != 60 || !(p.WeightGrams > 0) || math.IsInf(p.WeightGrams, 0) || p.NozzleDiameter != 0.4 || len(p.Filaments) != 1 {
			t.Errorf("%s: %+v", v, p)
		}
	}
}

// broken fails like a disk does, from an offset on.
type broken struct {
	r    io.ReaderAt
	from int64
}

var errDisk = errors.New("disk on fire")

func (b broken) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > b.from {
		return 0, errDisk
	}
	return b.r.ReadAt(p, off)
}

func TestTroubleWithTheStorageIsAnErrorNotAProblem(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{
		"a.3mf": small(), "a.gcode": sample.Gcode(), "a.stl": sample.STL(), "a.step": sample.STEP(),
	} {
		for _, from := range []int64{0, 100, int64(len(content)) - 1} {
			if name != "a.gcode" && name != "a.3mf" && from > 0 {
				continue // only the head of a model is read
			}
			r := broken{bytes.NewReader(content), from}
			if _, err := printfile.Read(t.Context(), r, int64(len(content)), name, printfile.Limits{}); !errors.Is(err, errDisk) {
				t.Errorf("Read(%s) broken from %d: %v", name, from, err)
			}
		}
	}
	three := broken{bytes.NewReader(small()), 0}
	if _, err := printfile.Thumbnail(t.Context(), three, 1<<20, 1, printfile.Limits{}); !errors.Is(err, errDisk) {
		t.Errorf("Thumbnail: %v", err)
	}
	if _, err := printfile.ReadTimeline(t.Context(), three, 1<<20, "a.3mf", 1, printfile.Limits{}); !errors.Is(err, errDisk) {
		t.Errorf("ReadTimeline: %v", err)
	}
}

func TestTheEndOfTheContextIsAnError(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, content := range map[string][]byte{"a.3mf": small(), "a.gcode": sample.Gcode()} {
		if _, err := printfile.Read(ctx, bytes.NewReader(content), int64(len(content)), name, printfile.Limits{}); !errors.Is(err, context.Canceled) {
			t.Errorf("Read(%s): %v", name, err)
		}
		if _, err := printfile.ReadTimeline(ctx, bytes.NewReader(content), int64(len(content)), name, 1, printfile.Limits{}); !errors.Is(err, context.Canceled) {
			t.Errorf("ReadTimeline(%s): %v", name, err)
		}
	}
}

func TestAFileThatTakesTooLongIsAProblem(t *testing.T) {
	t.Parallel()
	for name, content := range map[string][]byte{"a.3mf": small(), "a.gcode": sample.Gcode()} {
		info := read(t, name, content, printfile.Limits{Time: time.Nanosecond})
		if !strings.Contains(info.Problem, "to read") {
			t.Errorf("%s: %q", name, info.Problem)
		}
	}
}

func TestACutFileIsAProblemWhereverItIsCut(t *testing.T) {
	t.Parallel()
	content := small(sample.Layers(10))
	for cut := 1; cut < len(content); cut += 97 {
		if read(t, "a.3mf", content[:cut], printfile.Limits{}).Problem == "" {
			t.Errorf("cut at %d of %d: no problem", cut, len(content))
		}
	}
}

func TestAFlippedBitInTheGcodeIsAProblem(t *testing.T) {
	t.Parallel()
	content := small(sample.Without("Metadata/plate_1.gcode.md5"))
	at := bytes.Index(content, []byte("Metadata/plate_1.gcode"))
	for _, offset := range []int{100, 500, 2000} {
		damaged := bytes.Clone(content)
		damaged[at+offset] ^= 0x10
		wantProblem(t, "a.3mf", damaged, "damaged")
	}
}

func TestTheExampleCanBePrinted(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../examples/cube.gcode.3mf")
	if err != nil {
		t.Fatal(err)
	}
	info := read(t, "cube.gcode.3mf", content, printfile.Limits{})
	if info.Problem != "" || len(info.Plates) != 1 || info.Plates[0].MaxNozzle != 220 || !info.Plates[0].HasThumbnail || len(content) > 60_000 {
		t.Errorf("%d bytes: %+v", len(content), info)
	}
}
