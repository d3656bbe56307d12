package library_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/library"
)

func TestAFileIsRenamedAndTagged(t *testing.T) {
	h := newHouse(t, nil)
	f := h.upload(t, "cube.gcode.3mf", cube(t))
	name, tags := "box (2).GCODE.3mf", []string{" spare  parts", "Toys", "toys"}
	got, err := h.Change(t.Context(), ann, f.ID, library.Change{Name: &name, Tags: &tags})
	if err != nil || got.Name != name || strings.Join(got.Tags, "|") != "spare parts|Toys" {
		t.Fatalf("%+v %v", got, err)
	}
	list, err := h.Files(t.Context(), ann, library.Query{Search: "BOX", Tag: "toys"}, grove.Page{})
	if err != nil || len(list.Items) != 1 || list.Items[0].ID != f.ID {
		t.Fatalf("%+v %v", list, err)
	}
	_, err = h.Change(t.Context(), bob, f.ID, library.Change{Name: &name})
	wantError(t, "asking", err, grove.NotFound, library.ReasonFileNotFound)
}

func TestNamesThatNoCardTakesAreRefused(t *testing.T) {
	h := newHouse(t, nil)
	f := h.upload(t, "cube.gcode.3mf", cube(t))
	for _, name := range []string{
		"", ".3mf", " .3mf", "..gcode.3mf", "a.stl", "a", "a.3mf.", "a/b.3mf", `a\b.3mf`, "a:b.3mf", "a*.3mf", "a?.3mf", `a".3mf`, "<a>.3mf", "a|b.3mf",
		"a\nb.3mf", " a.3mf", strings.Repeat("a", 252) + ".3mf",
	} {
		if _, err := h.Change(t.Context(), ann, f.ID, library.Change{Name: &name}); !grove.HasReason(err, library.ReasonNameWrong) || !errors.Is(err, grove.Invalid) || grove.AsError(err).Fields["name"] == "" {
			t.Errorf("%q: %v", name, err)
		}
	}
	var many []string
	for i := range 21 {
		many = append(many, strconv.Itoa(i))
	}
	for _, tags := range [][]string{many, {" "}, {strings.Repeat("ä", 41)}, {"a\x00b"}} {
		if _, err := h.Change(t.Context(), ann, f.ID, library.Change{Tags: &tags}); !grove.HasReason(err, grove.ReasonTagsWrong) || !errors.Is(err, grove.Invalid) {
			t.Errorf("%q: %v", tags, err)
		}
	}
	if got, err := h.File(t.Context(), ann, f.ID); err != nil || got.Name != "cube.gcode.3mf" || len(got.Tags) != 0 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestFilesOfOneNameAreVersions(t *testing.T) {
	h := newHouse(t, nil)
	first := h.upload(t, "a.gcode.3mf", cube(t))
	second := h.upload(t, "a.gcode.3mf", cube(t))
	h.upload(t, "b.gcode.3mf", cube(t))
	list, err := h.Versions(t.Context(), ann, first.ID, grove.Page{Limit: 10})
	if err != nil || len(list.Items) != 2 || list.Items[0].ID != second.ID || list.Items[1].ID != first.ID {
		t.Fatalf("%+v %v", list, err)
	}
	kin, err := h.Kin(t.Context(), list.Items...)
	if err != nil || kin[second.ID] != (grove.FileKin{Versions: 2, DuplicateOf: first.ID}) || kin[first.ID] != (grove.FileKin{Versions: 2}) {
		t.Fatalf("%+v %v", kin, err)
	}
	_, err = h.Versions(t.Context(), bob, first.ID, grove.Page{})
	wantError(t, "asking", err, grove.NotFound, library.ReasonFileNotFound)
	up, err := h.NewUpload(t.Context(), ann, library.Wish{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Versions(t.Context(), ann, up.File.ID, grove.Page{})
	wantError(t, "asking", err, grove.NotFound, library.ReasonFileNotFound)
}
