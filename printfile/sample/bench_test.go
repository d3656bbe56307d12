package sample_test

import (
	"testing"

	"github.com/grovecloud/grove/printfile/sample"
)

func BenchmarkThreeMF(b *testing.B) {
	for b.Loop() {
		sample.ThreeMF()
	}
}
