package library_test

import (
	"bytes"
	"context"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestAFileIsThereForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	f := h.upload(t, "a.3mf", cube(t))
	for name, ask := range map[string]func(grove.Actor) (grove.File, error){
		"File":          func(a grove.Actor) (grove.File, error) { return h.File(t.Context(), a, f.ID) },
		"FileByTicket":  func(a grove.Actor) (grove.File, error) { return h.FileByTicket(t.Context(), a, f.Ticket) },
		"FileByProject": func(a grove.Actor) (grove.File, error) { return h.FileByProject(t.Context(), a, f.ProjectID) },
		"FileByProfile": func(a grove.Actor) (grove.File, error) { return h.FileByProfile(t.Context(), a, f.ProfileID) },
		"Confirm":       func(a grove.Actor) (grove.File, error) { return h.Confirm(t.Context(), a, f.ID) },
		"Find": func(a grove.Actor) (grove.File, error) {
			if a.Kind != grove.ActorUser {
				return h.File(t.Context(), a, f.ID)
			}
			return h.Find(t.Context(), a.UserID, f.ID, "", 0)
		},
		"Open": func(a grove.Actor) (grove.File, error) {
			got, r, err := h.Open(t.Context(), a, f.ID)
			if err == nil {
				r.Close()
			}
			return got, err
		},
	} {
		if got, err := ask(ann); err != nil || got.ID != f.ID {
			t.Errorf("%s by its owner = %s, %v", name, got.ID, err)
		}
		_, err := ask(bob)
		wantError(t, name+" by another", err, grove.NotFound, library.ReasonFileNotFound)
		_, err = ask(grove.Actor{})
		wantError(t, name+" by nobody", err, grove.Unauthenticated, grove.ReasonNoCredential)
	}
	wantError(t, "Delete by another", h.Delete(t.Context(), bob, f.ID), grove.NotFound, library.ReasonFileNotFound)
	if list, err := h.Files(t.Context(), bob, library.Query{}, grove.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("another lists %+v, %v", list.Items, err)
	}
	_, err := h.Files(t.Context(), grove.Actor{Kind: grove.ActorUser}, library.Query{}, grove.Page{})
	wantError(t, "Files by a user without a number", err, grove.Unauthenticated, grove.ReasonNoCredential)
}

func TestFindTakesTheFileThatAPrintMeans(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	old := h.upload(t, "part.gcode.3mf", cube(t))
	plain := h.upload(t, "part.3mf", cube(t))
	fresh := h.upload(t, "part.gcode.3mf", cube(t))
	odd := h.upload(t, "odd.3mf.gcode.3mf", cube(t))
	awaited := h.newUpload(t, library.Wish{Name: "awaited.3mf"}).File
	for _, c := range []struct {
		id, name string
		profile  int64
		want     string
	}{
		{id: old.ID, name: "part.3mf", want: old.ID},
		{name: "part.gcode.3mf", want: fresh.ID},
		{name: "part.3mf", want: plain.ID},
		{name: "part", want: fresh.ID},
		{name: "odd.3mf", want: odd.ID},
		{name: "part", profile: plain.ProfileID, want: fresh.ID},
		{profile: plain.ProfileID, want: plain.ID},
		{id: "f_none", name: "part"},
		{id: awaited.ID},
		{name: "awaited.3mf"},
		{profile: awaited.ProfileID},
		{name: "par"},
		{name: "PART"},
		{profile: 1},
		{},
	} {
		f, err := h.Find(t.Context(), ann.UserID, c.id, c.name, c.profile)
		switch {
		case c.want == "":
			wantError(t, "Find", err, grove.NotFound, library.ReasonFileNotFound)
		case err != nil || f.ID != c.want:
			t.Errorf("Find(%q, %q, %d) = %s, %v, want %s", c.id, c.name, c.profile, f.Name, err, c.want)
		}
	}
}

func TestAPrinterFetchesByASignedLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	content := cube(t)
	f := h.upload(t, "ä b.gcode.3mf", content)
	signed := h.ContentURL(f, time.Hour)
	if strings.ContainsAny(strings.TrimPrefix(signed, "https://"), "+ ") {
		t.Errorf("the link is %s", signed)
	}
	path, sig := link(t, signed)
	if path != "/f/"+f.ID+"/content" {
		t.Errorf("the path is %s", path)
	}
	got, r, err := h.OpenSigned(t.Context(), f.ID, sig)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, content) || r.Size() != int64(len(content)) || got.SHA256 != hexSHA(content) {
		t.Errorf("%d bytes of %+v came, %v", len(b), got, err)
	}
	_, ended := link(t, h.ContentURL(f, -time.Second))
	_, _, err = h.OpenSigned(t.Context(), f.ID, ended)
	wantError(t, "an ended link", err, grove.Forbidden, library.ReasonSignatureExpired)
	other := h.upload(t, "b.3mf", content)
	_, _, err = h.OpenSigned(t.Context(), other.ID, sig)
	wantError(t, "another file's link", err, grove.Forbidden, library.ReasonSignatureInvalid)
	awaited := h.newUpload(t, library.Wish{Name: "c.3mf"}).File
	_, sig = link(t, h.ContentURL(awaited, time.Hour))
	_, _, err = h.OpenSigned(t.Context(), awaited.ID, sig)
	wantError(t, "a file that did not come yet", err, grove.NotFound, library.ReasonFileNotFound)
}

func TestAThumbnailIsDrawnOnceAndServedByItsLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	f := h.upload(t, "a.3mf", sample.ThreeMF(sample.Plates(2), sample.Layers(3)))
	signed := h.ThumbnailURL(f, 2)
	path, sig := link(t, signed)
	if path != "/f/"+f.ID+"/plate_2.png" || h.ThumbnailURL(f, 2) != signed {
		t.Errorf("the link is %s, then %s", signed, h.ThumbnailURL(f, 2))
	}
	first, err := h.SignedThumbnail(t.Context(), f.ID, 2, sig)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(first)); err != nil {
		t.Errorf("it is no PNG: %v", err)
	}
	if left := h.onDisk(t); !slices.Contains(left, filepath.Join("thumbnails", f.ID+".2.png")) {
		t.Errorf("on the disk there is %q", left)
	}
	if again, err := h.Thumbnail(t.Context(), f.ID, 2); err != nil || !bytes.Equal(first, again) {
		t.Errorf("the second time it is another, %v", err)
	}
	_, err = h.SignedThumbnail(t.Context(), f.ID, 1, sig)
	wantError(t, "another plate's link", err, grove.Forbidden, library.ReasonSignatureInvalid)
	for _, plate := range []int{0, -1, 3, 1 << 40} {
		_, err = h.Thumbnail(t.Context(), f.ID, plate)
		wantError(t, "no such plate", err, grove.NotFound, library.ReasonNoThumbnail)
	}
	_, err = h.Thumbnail(t.Context(), "f_none", 1)
	wantError(t, "no such file", err, grove.NotFound, library.ReasonFileNotFound)
	_, err = h.Thumbnail(t.Context(), h.upload(t, "a.stl", sample.STL()).ID, 1)
	wantError(t, "a file without pictures", err, grove.NotFound, library.ReasonNoThumbnail)
}

func TestDeletingLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	f := h.upload(t, "a.3mf", cube(t))
	if _, err := h.Thumbnail(t.Context(), f.ID, 1); err != nil {
		t.Fatal(err)
	}
	if err := h.Delete(t.Context(), ann, f.ID); err != nil {
		t.Fatal(err)
	}
	h.nothingKept(t)
	wantError(t, "a second time", h.Delete(t.Context(), ann, f.ID), grove.NotFound, library.ReasonFileNotFound)
	_, err := h.Thumbnail(t.Context(), f.ID, 1)
	wantError(t, "Thumbnail", err, grove.NotFound, library.ReasonFileNotFound)
}

func TestAStoredFileWhoseContentIsGoneIsOurFault(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	f := h.upload(t, "a.3mf", cube(t))
	if err := h.disk.Delete(t.Context(), "files/"+f.ID); err != nil {
		t.Fatal(err)
	}
	_, _, err := h.Open(t.Context(), ann, f.ID)
	wantError(t, "Open", err, grove.Internal, library.ReasonContentMissing)
}

// age makes a blob an hour old.
func (h house) age(t *testing.T, name string) {
	t.Helper()
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(h.files, filepath.FromSlash(name)), old, old); err != nil {
		t.Fatal(err)
	}
}

func TestTheSweepRemovesWhatBelongsToNoStoredFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	f := h.upload(t, "a.3mf", cube(t))
	if _, err := h.Thumbnail(t.Context(), f.ID, 1); err != nil {
		t.Fatal(err)
	}
	awaited := h.newUpload(t, library.Wish{Name: "b.3mf"}).File.ID
	keep := []string{"elsewhere/note", "files/" + f.ID, "files/f_fresh", "thumbnails/" + f.ID + ".1.png"}
	drop := []string{"files/f_gone", "files/" + awaited, "thumbnails/f_gone.1.png"}
	for _, name := range append([]string{"elsewhere/note", "files/f_fresh"}, drop...) {
		if _, err := h.disk.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range append(drop, "elsewhere/note", "files/"+f.ID, "thumbnails/"+f.ID+".1.png") {
		h.age(t, name)
	}
	for range 2 {
		if err := h.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := h.onDisk(t); !slices.Equal(got, keep) {
			t.Errorf("after the sweep there is %q, want %q", got, keep)
		}
	}
	if _, err := h.File(t.Context(), ann, awaited); err != nil {
		t.Errorf("an upload whose link still works was swept up: %v", err)
	}
}

func TestTheSweepRemovesUploadsThatNeverCame(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) { c.UploadLife = -time.Hour })
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err := h.File(t.Context(), ann, up.File.ID)
	wantError(t, "the record", err, grove.NotFound, library.ReasonFileNotFound)
}

func TestTheSweepLeavesARunningUploadAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	_, sig := link(t, up.URL)
	content := cube(t)
	swept := false
	body := io.MultiReader(bytes.NewReader(content), readerFunc(func([]byte) (int, error) {
		// The link ends while the content arrives, and what a killed upload left is there.
		_, err := h.db.UpdateFile(t.Context(), up.File.ID, func(f *grove.File) error {
			f.ExpiresAt = time.Now().Add(-time.Hour)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := h.Sweep(t.Context()); err != nil {
			t.Error(err)
		}
		swept = true
		return 0, io.EOF
	}))
	if f, err := h.Receive(t.Context(), up.File.ID, sig, whole(-1, body)); err != nil || f.State != grove.Stored || !swept {
		t.Errorf("Receive = %+v, %v", f, err)
	}
}

func TestRunSweepsAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for _, name := range []string{"files/f_gone"} {
		if _, err := h.disk.Put(t.Context(), name, strings.NewReader("x")); err != nil {
			t.Fatal(err)
		}
		h.age(t, name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- h.Run(ctx) }()
	for deadline := time.After(10 * time.Second); len(h.onDisk(t)) > 0; {
		select {
		case <-deadline:
			t.Fatal("it does not sweep")
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestAShortKeyIsNoKey(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("links are signed with a key of 31 bytes")
		}
	}()
	library.New(library.Config{Key: make([]byte, 31)})
}
