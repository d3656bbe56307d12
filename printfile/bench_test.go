package printfile_test

import (
	"bytes"
	"testing"

	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

const manyLayers = 20_000 // about 20 MB of G-code

func benchmarkRead(b *testing.B, name string, content []byte, unpacked int) {
	b.Helper()
	b.SetBytes(int64(unpacked))
	b.ReportAllocs()
	for b.Loop() {
		info, err := printfile.Read(b.Context(), bytes.NewReader(content), int64(len(content)), name, printfile.Limits{})
		if err != nil || info.Problem != "" {
			b.Fatal(info.Problem, err)
		}
	}
}

func BenchmarkReadGcode(b *testing.B) {
	content := sample.Gcode(sample.Layers(manyLayers))
	benchmarkRead(b, "a.gcode", content, len(content))
}

func BenchmarkRead3MF(b *testing.B) {
	unpacked := len(sample.Gcode(sample.Layers(manyLayers)))
	benchmarkRead(b, "a.gcode.3mf", sample.ThreeMF(sample.Layers(manyLayers)), unpacked)
}

func BenchmarkReadTimeline(b *testing.B) {
	content := sample.Gcode(sample.Layers(manyLayers))
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := printfile.ReadTimeline(b.Context(), bytes.NewReader(content), int64(len(content)), "a.gcode", 1, printfile.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
