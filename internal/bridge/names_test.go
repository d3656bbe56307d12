package bridge

import (
	"strings"
	"testing"
	"unicode"

	"github.com/grovecloud/grove"
)

func TestAJobsFileHasASafeNameOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"bracket_v2.gcode.3mf":     "bracket_v2_7.gcode.3mf",
		"x.gcode.3mf.gcode.3mf":    "x_7.gcode.3mf",
		"X.GCODE.3MF":              "X_7.gcode.3mf",
		"plate.3mf":                "plate_7.gcode.3mf",
		"cube.gcode":               "cube_7.gcode",
		"Müller's  Würfel (1).3mf": "M_ller_s_W_rfel_1_7.gcode.3mf",
		"立方体.gcode.3mf":            "print_7.gcode.3mf",
		".hidden.3mf":              "hidden_7.gcode.3mf",
		"../../etc/passwd":         "etc_passwd_7.gcode.3mf",
		`C:\a*b?"c".3mf`:           "C_a_b_c_7.gcode.3mf",
		"-rf.3mf":                  "rf_7.gcode.3mf",
		"":                         "print_7.gcode.3mf",
		".gcode.3mf":               "print_7.gcode.3mf",
		strings.Repeat("ab", 500):  strings.Repeat("ab", 44) + "_7.gcode.3mf",
	} {
		if got := Berth(7, name); got.Path != "/cache/"+want || got.URL != "ftp:///cache/"+want {
			t.Errorf("%q: %+v, want %s", name, got, want)
		}
	}
}

// FuzzWhatIsUploadedIsWhatIsDeleted (R13): whatever a file is called, the path that
// is deleted is the path that was uploaded, and it is in no folder that starts by itself.
func FuzzWhatIsUploadedIsWhatIsDeleted(f *testing.F) {
	for _, name := range []string{"a.gcode.3mf", "x.gcode.3mf.gcode.3mf", "ü b.3mf", "..", "a\r\nDELE b", "\xff", ".gcode", "/cache/x", "CON.3mf", strings.Repeat("é", 200)} {
		f.Add(name, int64(700000001))
	}
	d := newFTPD(f)
	f.Fuzz(func(t *testing.T, name string, job int64) {
		job &= 0x7fffffff
		at := Berth(job, name)
		base := strings.TrimPrefix(at.Path, "/cache/")
		if len(base) > maxRemoteName || strings.ContainsFunc(base, func(r rune) bool {
			return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
		}) || base[0] == '.' || base[0] == '-' || checkPath(at.Path) != nil || at.URL != "ftp://"+at.Path {
			t.Fatalf("%q becomes %+v", name, at)
		}
		if other := Berth(job+1, name); other == at {
			t.Fatalf("two jobs share %s", at.Path)
		}
		drive := d.drive()
		if err := drive.Carry(t.Context(), loadOf(at.Path, []byte("x")), quiet); err != nil {
			t.Fatal(err)
		}
		if names := d.names(); len(names) != 1 || names[0] != at.Path {
			t.Fatalf("uploaded %q as %v", at.Path, names)
		}
		list, err := drive.List(t.Context(), "/cache")
		if err != nil || len(list) != 1 || list[0].Path != at.Path {
			t.Fatalf("listed %+v: %v", list, err)
		}
		if err := drive.Drop(t.Context(), at.Path); err != nil {
			t.Fatal(err)
		}
		if names := d.names(); len(names) > 0 {
			t.Fatalf("left %v", names)
		}
	})
}

func FuzzNamesThatPrintersTell(f *testing.F) {
	for _, name := range []string{"video.mp4", "..", "a/b", "\x1b[31m", "a\u202eb", "\x80"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !goodName(name) {
			return
		}
		if err := checkPath("/timelapse/" + name); err != nil {
			t.Errorf("%q is shown and can't be fetched: %v", name, grove.AsError(err).Message)
		}
	})
}

// Words of a stranger are shown on terminals, which obey some of them.
func TestWordsOfStrangersAreOnlyWords(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]string{
		"bench\x1b[2J":                  "bench[2J",
		"bench\u009b2J":                 "bench2J",
		"a\u202eb\u2066c\u200fd\u2028e": "abcde",
		"Größe 3 機":                     "Größe 3 機",
	} {
		if got := plainText(said, 40); got != want {
			t.Errorf("%q is shown as %q", said, got)
		}
	}
}
