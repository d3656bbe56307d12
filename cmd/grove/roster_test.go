package main

import (
	"fmt"
	"strings"
	"testing"
)

func TestSimulatedPrintersAreToldByTheirSerials(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		printers int
		want     string
	}{
		{2, "2 simulated P1S live; stop them with Ctrl-C.\n  S01\n  S02\n"},
		{21, "  S20\n  and 1 more: grove printers lists them all\n"},
	} {
		var told strings.Builder
		r := &roster{w: &told, total: c.printers, what: "P1S"}
		for i := c.printers; i > 0; i-- {
			r.told(fmt.Sprintf("S%02d", i), nil)
		}
		if !strings.HasSuffix(told.String(), c.want) || strings.Contains(told.String(), "S21") {
			t.Errorf("told is:\n%s", told.String())
		}
	}
}
