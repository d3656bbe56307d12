package library

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/grovecloud/grove/printfile"
)

// maxName is the longest file name, in bytes, that every file system takes.
const maxName = 255

// CleanName is the name under which an upload called name is kept: its last
// part, without control characters, in valid UTF-8, at most 255 bytes with the
// ending kept. Everything else stays as the person wrote it: a name is text and
// never a path. Empty when nothing is left.
func CleanName(name string) string {
	name = strings.ToValidUTF8(name, string(utf8.RuneError))
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' { // the last two break lines as well
			return -1
		}
		return r
	}, name)
	name = shorten(strings.TrimSpace(name[strings.LastIndexAny(name, `/\`)+1:]))
	if name == "." || name == ".." {
		return ""
	}
	return name
}

// shorten cuts the middle of a name that is too long.
func shorten(name string) string {
	if len(name) <= maxName {
		return name
	}
	ending := ending(name)
	keep := maxName - len(ending)
	for keep > 0 && !utf8.RuneStart(name[keep]) {
		keep--
	}
	return strings.TrimRightFunc(name[:keep], unicode.IsSpace) + ending
}

// ending is what says the kind: .gcode.3mf, .3mf, .gcode, .stl, .step or .stp,
// as it is written in the name; empty when the name has none.
func ending(name string) string {
	if _, ok := printfile.Kind(name); !ok {
		return ""
	}
	short := path.Ext(name)
	if stem := strings.TrimSuffix(name, short); strings.EqualFold(short, ".3mf") && strings.EqualFold(path.Ext(stem), ".gcode") {
		return path.Ext(stem) + short
	}
	return short
}
