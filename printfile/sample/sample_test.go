package sample_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile/sample"
)

func options() []sample.Option {
	return []sample.Option{
		sample.Name("Gear <1>"), sample.Model("N1"), sample.Plates(2), sample.Layers(12), sample.Seconds(999),
		sample.Filaments(grove.Filament{Type: "PETG"}, grove.Filament{Color: "FF0000FF"}), sample.Size(200_000),
		sample.Member("x/b", []byte("b")), sample.Member("x/a", []byte("a")), sample.Without("Metadata/top_1.png"),
	}
}

func members(t *testing.T, content []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name] = string(b)
	}
	return found
}

func TestTheSameOptionsGiveTheSameBytes(t *testing.T) {
	t.Parallel()
	if !bytes.Equal(sample.ThreeMF(options()...), sample.ThreeMF(options()...)) {
		t.Error("two 3MFs differ")
	}
	if !bytes.Equal(sample.Gcode(options()...), sample.Gcode(options()...)) {
		t.Error("two G-codes differ")
	}
}

func TestOptionsShape3MF(t *testing.T) {
	t.Parallel()
	content := sample.ThreeMF(options()...)
	if n := len(content); n < 200_000 || n > 210_000 {
		t.Errorf("%d bytes", n)
	}
	found := members(t, content)
	if _, ok := found["Metadata/top_1.png"]; ok {
		t.Error("a member that was to be left out is there")
	}
	if found["x/a"] != "a" || found["x/b"] != "b" {
		t.Error("members that were to be added are missing")
	}
	for _, name := range []string{"Metadata/plate_1.gcode", "Metadata/plate_2.gcode"} {
		if sum := fmt.Sprintf("%X", md5.Sum([]byte(found[name]))); found[name] == "" || found[name+".md5"] != sum {
			t.Errorf("%s: checksum %s, want %s", name, found[name+".md5"], sum)
		}
	}
	for name := range members(t, sample.ThreeMF(sample.Unsliced())) {
		if strings.Contains(name, ".gcode") {
			t.Errorf("unsliced, but there is %s", name)
		}
	}
}

func TestGcodeGrowsToItsSize(t *testing.T) {
	t.Parallel()
	if n := len(sample.Gcode(sample.Size(1 << 20))); n < 1<<20 || n > 1<<20+1000 {
		t.Errorf("%d bytes", n)
	}
}

// The cube is meant to be printed: it must stay on every model's bed, extrude
// what its header says, and end cold.
func TestTheCubeIsPrintable(t *testing.T) {
	t.Parallel()
	for model, bed := range map[string][2]float64{"C12": {256, 256}, "N1": {180, 180}, "N2S": {256, 256}, "O1D": {350, 320}, "O1S": {340, 320}, "N9": {330, 320}} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			checkMoves(t, sample.Gcode(sample.Model(model)), bed)
		})
	}
}

func checkMoves(t *testing.T, gcode []byte, bed [2]float64) {
	t.Helper()
	var extruded, promised, pulled, z float64
	var heats []string
	for s := bufio.NewScanner(bytes.NewReader(gcode)); s.Scan(); {
		var x, y, e float64
		line := s.Text()
		if n, _ := fmt.Sscanf(line, "G1 X%f Y%f E%f", &x, &y, &e); n >= 2 && (x < 0 || y < 0 || x > bed[0] || y > bed[1]) {
			t.Fatalf("off the bed: %s", line)
		} else if n == 3 {
			extruded += e
			if pulled > 1e-9 || e <= 0 {
				t.Fatalf("extrudes while the filament is pulled back by %f: %s", pulled, line)
			}
		}
		if n, _ := fmt.Sscanf(line, "G1 E%f", &e); n == 1 {
			pulled -= e
		}
		var height float64
		if n, _ := fmt.Sscanf(line, "G1 Z%f", &height); n == 1 {
			z = max(z, height)
		}
		_, _ = fmt.Sscanf(line, "; total filament length [mm] : %f", &promised)
		if strings.HasPrefix(line, "M104") || strings.HasPrefix(line, "M109") || strings.HasPrefix(line, "M140") || strings.HasPrefix(line, "M190") {
			heats = append(heats, line)
		}
	}
	if extruded < 500 || extruded-promised > 0.01 || promised-extruded > 0.01 {
		t.Errorf("extrudes %f mm, the header says %f", extruded, promised)
	}
	if z < 20 || z > 40 {
		t.Errorf("rises to %f mm", z)
	}
	if want := []string{"M104 S150", "M140 S55", "M190 S55", "M109 S220", "M104 S0", "M140 S0"}; !slices.Equal(heats, want) {
		t.Errorf("heats are %q", heats)
	}
}
