package printfile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestSniffTellsContentsApart(t *testing.T) {
	t.Parallel()
	stl := string(sample.STL())
	for _, c := range []struct {
		name, kind, content string
		fits                bool
	}{
		{"3mf", "3mf", "PK\x03\x04 and so on", true},
		{"empty zip", "3mf", "PK\x05\x06" + strings.Repeat("\x00", 18), false},
		{"html as 3mf", "3mf", "<html>", false},
		{"nothing as 3mf", "3mf", "", false},
		{"gcode", "gcode", "G28\n", true},
		{"gcode after blank lines and a mark", "gcode", "\xef\xbb\xbf\r\n\n ; header\n", true},
		{"numbered gcode", "gcode", "N1 M104 S200\n", true},
		{"gcode of a tool", "gcode", "T0\n", true},
		{"gcode with a program mark", "gcode", "%\nG1\n", true},
		{"latin-1 comment", "gcode", "; M\xfcnchen\nG28\n", true},
		{"gcode with NUL", "gcode", "G28\n\x00", false},
		{"html as gcode", "gcode", "<html>", false},
		{"words as gcode", "gcode", "Good morning\n", false},
		{"blank as gcode", "gcode", " \n\n", false},
		{"zip as gcode", "gcode", "PK\x03\x04", false},
		{"binary stl", "stl", stl, true},
		{"binary stl that begins like text", "stl", "solid" + stl[5:], true},
		{"binary stl cut short", "stl", stl[:len(stl)-1], false},
		{"ascii stl", "stl", "solid cube\nfacet normal 0 0 0\n", true},
		{"ascii stl without a facet", "stl", "solid cube\nendsolid cube\n", false},
		{"gcode as stl", "stl", "G28\n", false},
		{"step", "step", "ISO-10303-21;\nHEADER;", true},
		{"step after a mark", "step", "\xef\xbb\xbf\nISO-10303-21;", true},
		{"almost step", "step", "ISO-10303-22;", false},
		{"no kind", "exe", "MZ", false},
		{"empty kind", "", "G28\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			head := c.content[:min(len(c.content), printfile.SniffBytes)]
			err := printfile.Sniff(c.kind, []byte(head), int64(len(c.content)))
			if c.fits && err != nil {
				t.Errorf("refused: %v", err)
			}
			if !c.fits && (!errors.Is(err, grove.Invalid) || !grove.HasReason(err, grove.ReasonUploadFailed)) {
				t.Errorf("error is %v", err)
			}
		})
	}
}
