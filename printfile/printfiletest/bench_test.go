package printfiletest_test

import (
	"testing"

	"github.com/grovecloud/grove/printfile/printfiletest"
)

func BenchmarkThreeMF(b *testing.B) {
	for b.Loop() {
		printfiletest.ThreeMF()
	}
}
