package library_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestAnUploadIsStoredReadAndListed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	content := cube(t)
	up := h.newUpload(t, library.Wish{
		Name: "bracket.gcode.3mf", Size: int64(len(content)), MD5: strings.ToLower(hexMD5(content)), SHA256: strings.ToUpper(hexSHA(content)),
	})
	if up.ExpiresIn != time.Hour || up.File.State != grove.Awaiting {
		t.Errorf("NewUpload = %+v", up)
	}
	for what, re := range map[string]string{
		up.File.ID:      `^f_[0-9a-z]{26}$`,
		up.File.Ticket:  `^t_[0-9a-z]{26}$`,
		up.File.ModelID: `^US[0-9a-f]{14}$`,
		up.URL:          `^https://cloud\.example\.org/u/f_[0-9a-z]{26}\?Expires=\d{10}&Signature=[0-9a-f]{64}$`,
	} {
		if !regexp.MustCompile(re).MatchString(what) {
			t.Errorf("%q is not like %s", what, re)
		}
	}
	if got, err := h.FileByTicket(t.Context(), ann, up.File.Ticket); err != nil || got.State != grove.Awaiting {
		t.Errorf("FileByTicket before the PUT = %+v, %v", got, err)
	}
	f, err := h.put(t, up, content)
	if err != nil {
		t.Fatal(err)
	}
	if f.State != grove.Stored || !f.Printable || f.Problem != "" || f.Kind != "3mf" || f.Model != "C12" || len(f.Plates) != 1 ||
		f.SizeBytes != int64(len(content)) || f.SHA256 != hexSHA(content) || f.MD5 != hexMD5(content) || f.StoredAt.IsZero() {
		t.Errorf("Receive = %+v", f)
	}
	if string(h.content(t, f.ID)) != string(content) {
		t.Error("the stored content is another")
	}
	list, err := h.Files(t.Context(), ann, library.Query{}, grove.Page{Limit: 20})
	if diff := cmp.Diff([]grove.File{f}, list.Items); diff != "" || err != nil || list.Total != 1 {
		t.Errorf("Files = %v (-want +got):\n%s", err, diff)
	}
	for range 2 {
		got, err := h.Confirm(t.Context(), ann, f.ID)
		if diff := cmp.Diff(f, got); diff != "" || err != nil {
			t.Errorf("Confirm = %v (-want +got):\n%s", err, diff)
		}
	}
}

func TestWishesThatCannotBeFulfilledAreRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) { c.MaxBytes = 1000 })
	for _, name := range []string{"a.exe", "a", "3mf", "a.3mf.zip", "a.gcode/", "..", "a.gcode/..", "\x00"} {
		_, err := h.NewUpload(t.Context(), ann, library.Wish{Name: name})
		wantError(t, "name "+name, err, grove.Invalid, grove.ReasonUploadFailed)
		if grove.AsError(err).Fields["filename"] == "" {
			t.Errorf("name %q: no field is named", name)
		}
	}
	for _, w := range []library.Wish{
		{Name: "a.stl", Size: -1}, {Name: "a.stl", MD5: "abc"}, {Name: "a.stl", MD5: strings.Repeat("g", 32)}, {Name: "a.stl", SHA256: strings.Repeat("a", 32)},
	} {
		_, err := h.NewUpload(t.Context(), ann, w)
		wantError(t, "wish", err, grove.Invalid, grove.ReasonUploadFailed)
	}
	_, err := h.NewUpload(t.Context(), ann, library.Wish{Name: "a.stl", Size: 1001})
	wantError(t, "a size beyond the limit", err, grove.TooLarge, grove.ReasonUploadFailed)
	_, err = h.NewUpload(t.Context(), grove.Actor{}, library.Wish{Name: "a.stl"})
	wantError(t, "nobody", err, grove.Unauthenticated, grove.ReasonNoCredential)
	_, err = h.NewUpload(t.Context(), grove.Actor{Kind: grove.ActorCode, Serial: "S"}, library.Wish{Name: "a.stl"})
	wantError(t, "an access code", err, grove.Forbidden, "no_user")
	for _, name := range []string{"a.3mf", "A.3MF", "a.gcode.3mf", "a.gcode", "a.stl", "a.STEP", "a.stp"} {
		h.newUpload(t, library.Wish{Name: name})
	}
}

func TestAFullDiskRefusesBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) { c.MinFree = 1 << 62 })
	_, err := h.NewUpload(t.Context(), ann, library.Wish{Name: "a.3mf"})
	wantError(t, "NewUpload", err, grove.Unavailable, grove.ReasonDiskFull)
	if list, err := h.db.StaleFiles(t.Context(), time.Now().Add(24*time.Hour)); err != nil || len(list) != 0 {
		t.Errorf("there are records of %v, %v", list, err)
	}
}

func TestAProjectTakesAnyName(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for name, want := range map[string]string{"bracket": "bracket.3mf", "v1.2": "v1.2.3mf", "a.3mf": "a.3mf"} {
		up, err := h.NewProject(t.Context(), ann, name)
		if err != nil || up.File.Name != want || up.File.ProjectID <= 0 || up.File.ProfileID <= 0 {
			t.Errorf("NewProject(%s) = %+v, %v", name, up.File, err)
		}
	}
}

func TestAnUploadWithoutANameIsNamedByItsContent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for kind, content := range map[string][]byte{
		"3mf": cube(t), "gcode": sample.Gcode(sample.Layers(3)), "stl": sample.STL(), "step": sample.STEP(),
	} {
		f := h.upload(t, "", content)
		if f.Kind != kind || f.Name != f.ID+"."+kind || f.State != grove.Stored {
			t.Errorf("%s came in as %+v", kind, f)
		}
	}
	f, err := h.put(t, h.newUpload(t, library.Wish{}), []byte("\x7fELF"))
	wantError(t, "a program", err, grove.Invalid, grove.ReasonUploadFailed)
	if f.ID != "" {
		t.Errorf("it came in as %+v", f)
	}
}

func TestCleanName(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 200)
	for name, want := range map[string]string{
		"part.3mf":                           "part.3mf",
		"dir/part.3mf":                       "part.3mf",
		`C:\Users\ann\part.3mf`:              "part.3mf",
		"../../etc/passwd.gcode":             "passwd.gcode",
		"  a b.gcode ":                       "a b.gcode",
		"a\x00b\r\nc\x7f\u0085.stl":          "abc.stl",
		"a\u2028b.stl":                       "ab.stl",
		"ä👩‍👩‍👧%20+&?#.stl":                  "ä👩‍👩‍👧%20+&?#.stl",
		`"><img src=x onerror=alert(1)>.3mf`: `"><img src=x onerror=alert(1)>.3mf`,
		"a\xff.stl":                          "a\ufffd.stl",
		"":                                   "",
		"..":                                 "",
		"a/..":                               "",
		"a/":                                 "",
		long + ".gcode.3mf":                  strings.Repeat("ä", 122) + ".gcode.3mf",
		long + ".STL":                        strings.Repeat("ä", 125) + ".STL",
		long:                                 strings.Repeat("ä", 127),
	} {
		if got := library.CleanName(name); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"a.3mf", `..\..//x`, "\x00\xff", strings.Repeat("ü", 300) + ".gcode.3mf", strings.Repeat("a", 300) + ".3mf/", strings.Repeat("a", 254) + " b", "." + strings.Repeat(" ", 300) + "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := library.CleanName(name)
		if len(got) > 255 || strings.ContainsAny(got, "/\\\x00\r\n") || got != strings.ToValidUTF8(got, "") || got == "." || got == ".." {
			t.Errorf("CleanName(%q) = %q", name, got)
		}
		if again := library.CleanName(got); again != got {
			t.Errorf("CleanName(%q) = %q, and of that %q", name, got, again)
		}
	})
}
