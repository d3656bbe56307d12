package library_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
	"github.com/grovecloud/grove/internal/library"
)

var errLine = errors.New("connection reset by peer")

// cutAfter is a body that gives so much and then breaks.
func cutAfter(content []byte) io.Reader {
	return io.MultiReader(bytes.NewReader(content), iotest.ErrReader(errLine))
}

func (h house) begin(t *testing.T, w library.Wish) library.Upload {
	t.Helper()
	up, err := h.Begin(t.Context(), ann, w)
	if err != nil {
		t.Fatal(err)
	}
	return up
}

// send sends a part from an offset on.
func (h house) send(t *testing.T, up library.Upload, offset, length int64, body io.Reader) (grove.File, error) {
	t.Helper()
	_, sig := link(t, up.URL)
	return h.Receive(t.Context(), up.File.ID, sig, library.Sending{Body: body, Length: length, Offset: offset})
}

func (h house) arrived(t *testing.T, up library.Upload) int64 {
	t.Helper()
	_, sig := link(t, up.URL)
	f, err := h.Arrived(t.Context(), up.File.ID, sig)
	if err != nil {
		t.Fatal(err)
	}
	return f.SizeBytes
}

func TestAnUploadGoesOnAfterEachCut(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	size := int64(len(content))
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: size, SHA256: hexSHA(content), Tags: []string{"spare"}})
	if life := time.Until(up.File.ExpiresAt); life < 23*time.Hour || life > 24*time.Hour || up.ExpiresIn != 24*time.Hour {
		t.Errorf("the link works for %v, said to be %v", life, up.ExpiresIn)
	}
	_, err := h.send(t, up, 0, size, cutAfter(content[:100]))
	wantError(t, "the first part", err, grove.Invalid, library.ReasonUploadBroken)
	if got := h.arrived(t, up); got != 100 {
		t.Fatalf("%d bytes arrived", got)
	}
	_, err = h.send(t, up, 50, size-50, iotest.ErrReader(errors.New("was read")))
	wantError(t, "from another place", err, grove.Conflict, library.ReasonUploadOffset)
	if at := grove.AsError(err).Fields["Upload-Offset"]; at != "100" {
		t.Errorf("the place to go on from is said to be %q", at)
	}
	f, err := h.send(t, up, 100, 200, bytes.NewReader(content[100:300])) // a part on purpose
	if err != nil || f.State != grove.Awaiting || f.SizeBytes != 300 {
		t.Fatalf("a part: %+v %v", f, err)
	}
	_, err = h.send(t, up, 300, -1, iotest.ErrReader(errLine))
	wantError(t, "nothing more", err, grove.Invalid, library.ReasonUploadBroken)
	_, err = h.Confirm(t.Context(), ann, f.ID)
	wantError(t, "confirming a part", err, grove.Conflict, library.ReasonUploadAwaited)
	f, err = h.send(t, up, 300, size-300, bytes.NewReader(content[300:]))
	if err != nil || f.State != grove.Stored || f.SizeBytes != size || f.SHA256 != hexSHA(content) || f.MD5 != hexMD5(content) || len(f.Tags) != 1 || !f.Printable {
		t.Fatalf("the rest: %+v %v", f, err)
	}
	if !bytes.Equal(h.content(t, f.ID), content) {
		t.Error("the content is another")
	}
	_, err = h.send(t, up, size, 0, strings.NewReader(""))
	wantError(t, "after the end", err, grove.Conflict, library.ReasonUploadDone)
}

// All was here, and the process was killed before it said so.
func TestAnUploadOfWhichAllArrivedIsFinishedByNothing(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: int64(len(content))})
	_, err := h.send(t, up, 0, -1, cutAfter(content))
	wantError(t, "a cut after the last byte", err, grove.Invalid, library.ReasonUploadBroken)
	f, err := h.send(t, up, int64(len(content)), 0, strings.NewReader(""))
	if err != nil || f.State != grove.Stored {
		t.Fatalf("%+v %v", f, err)
	}
}

func TestWhatArrivedIsCheckedAsAWhole(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	size := int64(len(content))
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: size, SHA256: hexSHA(content)})
	if _, err := h.send(t, up, 0, 10, strings.NewReader("not what i")); err != nil {
		t.Fatal(err)
	}
	_, err := h.send(t, up, 10, size, iotest.ErrReader(errors.New("was read")))
	wantError(t, "more than announced", err, grove.Invalid, library.ReasonSizeMismatch)
	_, err = h.send(t, up, 10, -1, bytes.NewReader(content))
	wantError(t, "more than announced, not said", err, grove.Invalid, library.ReasonSizeMismatch)
	_, err = h.send(t, up, 10, size-10, bytes.NewReader(content[10:]))
	wantError(t, "another beginning", err, grove.Invalid, library.ReasonDigestMismatch)
	h.nothingKept(t)
	if got := h.arrived(t, up); got != 0 {
		t.Fatalf("%d bytes are said to be here", got)
	}
	if f, err := h.put(t, up, content); err != nil || f.State != grove.Stored { // all of it in one go
		t.Fatalf("%+v %v", f, err)
	}
}

func TestAnUploadCanBeGivenUpAlsoWhileItGoesOn(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: int64(len(content))})
	if _, err := h.send(t, up, 0, 100, bytes.NewReader(content[:100])); err != nil {
		t.Fatal(err)
	}
	for _, ends := range []error{errLine, io.EOF} {
		body := io.MultiReader(bytes.NewReader(content[100:]), readerFunc(func([]byte) (int, error) {
			if err := h.Delete(t.Context(), ann, up.File.ID); err != nil {
				t.Error(err)
			}
			return 0, ends
		}))
		_, err := h.send(t, up, h.arrived(t, up), -1, body)
		wantError(t, "given up", err, grove.NotFound, library.ReasonFileNotFound)
		h.nothingKept(t)
		up = h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: int64(len(content))})
		if _, err := h.send(t, up, 0, 100, bytes.NewReader(content[:100])); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Delete(t.Context(), ann, up.File.ID); err != nil {
		t.Fatal(err)
	}
	h.nothingKept(t)
}

func TestPartsStayForADayAndNoLonger(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: int64(len(content))})
	if _, err := h.send(t, up, 0, 100, bytes.NewReader(content[:100])); err != nil {
		t.Fatal(err)
	}
	h.age(t, "files/"+up.File.ID)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.onDisk(t); len(got) != 1 {
		t.Fatalf("on the disk there is %q", got)
	}
	_, err := h.db.UpdateFile(t.Context(), up.File.ID, func(f *grove.File) error {
		f.ExpiresAt = time.Now().Add(-time.Hour)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.nothingKept(t)
}

func TestPartsCountForTheQuotaOnce(t *testing.T) {
	t.Parallel()
	content := cube(t)
	size := int64(len(content))
	h := newHouse(t, func(c *library.Config) { c.Quota = size + 50 })
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: size})
	if _, err := h.send(t, up, 0, 100, bytes.NewReader(content[:100])); err != nil {
		t.Fatal(err)
	}
	_, err := h.Begin(t.Context(), ann, library.Wish{Name: "b.gcode.3mf", Size: size})
	wantError(t, "beside what has arrived", err, grove.TooLarge, grove.ReasonUploadFailed)
	if f, err := h.send(t, up, 100, size-100, bytes.NewReader(content[100:])); err != nil || f.State != grove.Stored {
		t.Errorf("the rest: %+v %v", f, err)
	}
}

func TestWhatCannotBeBegunIsRefusedBeforeAByteFlows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) { c.Quota = 1000 })
	for _, c := range []struct {
		wish   library.Wish
		code   grove.Code
		reason string
	}{
		{library.Wish{Name: "a:b.3mf", Size: 10}, grove.Invalid, library.ReasonNameWrong},
		{library.Wish{Name: "a.txt", Size: 10}, grove.Invalid, library.ReasonNameWrong},
		{library.Wish{Name: "a.3mf"}, grove.Invalid, grove.ReasonUploadFailed},
		{library.Wish{Name: "a.3mf", Size: 10, SHA256: "x"}, grove.Invalid, grove.ReasonUploadFailed},
		{library.Wish{Name: "a.3mf", Size: 10, Tags: []string{""}}, grove.Invalid, grove.ReasonTagsWrong},
		{library.Wish{Name: "a.3mf", Size: 1001}, grove.TooLarge, grove.ReasonUploadFailed},
	} {
		_, err := h.Begin(t.Context(), ann, c.wish)
		wantError(t, c.wish.Name, err, c.code, c.reason)
	}
}

func TestADuplicateIsToldBeforeItIsSent(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	have := h.upload(t, "a.gcode.3mf", content)
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: int64(len(content)), SHA256: hexSHA(content)})
	kin, err := h.Kin(t.Context(), up.File)
	if err != nil || kin[up.File.ID] != (grove.FileKin{Versions: 1, DuplicateOf: have.ID}) {
		t.Errorf("%+v %v", kin, err)
	}
	other := h.begin(t, library.Wish{Name: "b.gcode.3mf", Size: 10})
	if kin, err = h.Kin(t.Context(), other.File); err != nil || kin[other.File.ID] != (grove.FileKin{}) {
		t.Errorf("%+v %v", kin, err)
	}
}

// writtenDisk counts what is given to it to write.
type writtenDisk struct {
	*blob.Disk
	n atomic.Int64
}

func (d *writtenDisk) Put(ctx context.Context, name string, r io.Reader) (grove.Blob, error) {
	return d.Disk.Put(ctx, name, io.TeeReader(r, d))
}

func (d *writtenDisk) Append(ctx context.Context, name string, at int64, r io.Reader) (grove.Blob, error) {
	return d.Disk.Append(ctx, name, at, io.TeeReader(r, d))
}

// Write counts.
func (d *writtenDisk) Write(p []byte) (int, error) {
	d.n.Add(int64(len(p)))
	return len(p), nil
}

func TestSmallPartsCostTheirOwnBytesOnly(t *testing.T) {
	t.Parallel()
	written := &writtenDisk{}
	h, content := newHouse(t, func(c *library.Config) {
		disk, ok := c.Blobs.(*blob.Disk)
		if !ok {
			t.Fatal("the blobs are no disk")
		}
		written.Disk, c.Blobs = disk, written
	}), cube(t)
	size := int64(len(content))
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: size, SHA256: hexSHA(content), MD5: hexMD5(content)})
	at := size - 5
	if _, err := h.send(t, up, 0, at, bytes.NewReader(content[:at])); err != nil {
		t.Fatal(err)
	}
	for ; at < size; at++ {
		f, err := h.send(t, up, at, 1, bytes.NewReader(content[at:at+1]))
		if err != nil || f.SizeBytes != at+1 || (f.State == grove.Stored) != (at+1 == size) {
			t.Fatalf("byte %d: %+v %v", at, f, err)
		}
	}
	if got := written.n.Load(); got != size {
		t.Errorf("%d bytes were written of a file of %d", got, size)
	}
	if !bytes.Equal(h.content(t, up.File.ID), content) {
		t.Error("the content is another")
	}
}

// The process was killed while it wrote a part, and more or less is on the disk than
// was said to be here.
func TestAnUploadGoesOnFromWhatIsSaidToBeHere(t *testing.T) {
	t.Parallel()
	h, content := newHouse(t, nil), cube(t)
	size := int64(len(content))
	up := h.begin(t, library.Wish{Name: "a.gcode.3mf", Size: size, SHA256: hexSHA(content)})
	begin := func() {
		t.Helper()
		if _, err := h.send(t, up, 0, 100, bytes.NewReader(content[:100])); err != nil {
			t.Fatal(err)
		}
	}
	for name, spoil := range map[string]func(at string) error{
		"gone":    os.Remove,
		"shorter": func(at string) error { return os.Truncate(at, 99) },
	} {
		begin()
		if err := spoil(filepath.Join(h.files, "files", up.File.ID)); err != nil {
			t.Fatal(err)
		}
		_, err := h.send(t, up, 100, size-100, bytes.NewReader(content[100:]))
		wantError(t, name, err, grove.Conflict, library.ReasonUploadOffset)
		if said := grove.AsError(err).Fields["Upload-Offset"]; said != "0" || h.arrived(t, up) != 0 {
			t.Errorf("%s: said to be here: %s, %d", name, said, h.arrived(t, up))
		}
	}
	begin()
	if err := os.Truncate(filepath.Join(h.files, "files", up.File.ID), 2*size); err != nil {
		t.Fatal(err)
	}
	f, err := h.send(t, up, 100, size-100, bytes.NewReader(content[100:]))
	if err != nil || f.State != grove.Stored || f.SizeBytes != size || f.SHA256 != hexSHA(content) {
		t.Fatalf("longer: %+v %v", f, err)
	}
}
