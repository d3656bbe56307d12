package bridge

import (
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/grovecloud/grove"
)

// folder is where jobs' files go. Every model has it, and none starts by itself
// what lies there: some do so at power-up with what lies in the root (bambuddy
// #374, #477, #1542), which therefore gets nothing.
const folder = "/cache"

// The bounds of names on a printer, in bytes.
const (
	maxRemoteName = 100
	maxRemotePath = 1024
)

// endings are those of print files, longest first.
var endings = []string{".gcode.3mf", ".3mf", ".gcode"}

// Berth is where the file of a job goes: a name of its own in plain ASCII, so that
// no file system and no URL reads it otherwise, that still tells which file it is.
// The start command names it as ftp:///cache/…, a path from the root of the FTP
// server (OpenBambuAPI, bambulabs_api).
func Berth(job int64, name string) grove.Berth {
	p := folder + "/" + remoteName(job, name)
	return grove.Berth{Path: p, URL: "ftp://" + p}
}

// remoteName is <title>_<job><ending>. It starts with a letter or digit.
func remoteName(job int64, name string) string {
	title, ending := name, ""
	for found := true; found; { // x.gcode.3mf.gcode.3mf is x
		found = false
		for _, e := range endings {
			if n := len(title) - len(e); n >= 0 && strings.EqualFold(title[n:], e) {
				if ending == "" {
					ending = e
				}
				title, found = title[:n], true
				break
			}
		}
	}
	if ending == "" || ending == ".3mf" {
		ending = ".gcode.3mf" // what slicers send is named so
	}
	ending = "_" + strconv.FormatInt(job, 10) + ending
	title = plain(title)
	title = strings.TrimRight(title[:min(len(title), maxRemoteName-len(ending))], "._-")
	if title == "" {
		title = "print"
	}
	return title + ending
}

// plain keeps letters, digits and single marks of ASCII.
func plain(title string) string {
	var b strings.Builder
	for _, r := range title {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() == 0:
		case r == '-' || r == '.':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	s := b.String()
	for _, pair := range []string{"__", "..", "_.", "._"} {
		for strings.Contains(s, pair) {
			s = strings.ReplaceAll(s, pair, pair[:1])
		}
	}
	return s
}

// checkPath refuses what is no path from the root of a printer's storage.
func checkPath(p string) error {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || len(p) > maxRemotePath || !printable(p) {
		return grove.Errorf(grove.Invalid, "bad_path",
			"%.80q is no path on a printer's storage; write it from the root and without . and .., such as /timelapse", p)
	}
	return nil
}

// goodName reports whether a name that a printer told is one: what it lists is a
// stranger's word.
func goodName(name string) bool {
	return name != "" && name != "." && name != ".." && len(name) <= 255 && !strings.ContainsAny(name, `/\`) && printable(name)
}

// printable: correct UTF-8 without control characters and without the marks that
// turn the direction of what follows.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r >= 0x7f && r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}
