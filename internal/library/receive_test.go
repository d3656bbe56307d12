package library_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/printfile/sample"
)

// Each way in which an upload goes wrong has its own answer, keeps nothing and,
// where the person can do better, lets the PUT be repeated.
func TestWhatGoesWrongKeepsNothingAndMayBeRepeated(t *testing.T) {
	t.Parallel()
	content := cube(t)
	size := int64(len(content))
	cut := errors.New("connection reset by peer")
	for _, c := range []struct {
		name   string
		wish   library.Wish
		length int64
		body   io.Reader
		code   grove.Code
		reason string
	}{
		{"larger than announced", library.Wish{Size: size - 1}, -1, bytes.NewReader(content), grove.Invalid, library.ReasonSizeMismatch},
		{"smaller than announced", library.Wish{Size: size + 1}, -1, bytes.NewReader(content), grove.Invalid, library.ReasonSizeMismatch},
		{"another size in the request", library.Wish{Size: size + 1}, size, iotest.ErrReader(errors.New("was read")), grove.Invalid, library.ReasonSizeMismatch},
		{"wrong MD5", library.Wish{MD5: hexMD5([]byte("other"))}, size, bytes.NewReader(content), grove.Invalid, library.ReasonDigestMismatch},
		{"wrong SHA-256", library.Wish{SHA256: hexSHA([]byte("other"))}, -1, bytes.NewReader(content), grove.Invalid, library.ReasonDigestMismatch},
		{"cut", library.Wish{}, size, io.MultiReader(bytes.NewReader(content[:size/2]), iotest.ErrReader(cut)), grove.Invalid, library.ReasonUploadBroken},
		{"cut after the last byte", library.Wish{}, -1, io.MultiReader(bytes.NewReader(content), iotest.ErrReader(cut)), grove.Invalid, library.ReasonUploadBroken},
		{"ended early", library.Wish{}, size, bytes.NewReader(content[:size-1]), grove.Invalid, library.ReasonUploadBroken},
		{"empty", library.Wish{}, 0, strings.NewReader(""), grove.Invalid, library.ReasonUploadBroken},
		{"empty, and the request does not say so", library.Wish{}, -1, strings.NewReader(""), grove.Invalid, library.ReasonUploadBroken},
		{"too large, said", library.Wish{}, 2 << 20, iotest.ErrReader(errors.New("was read")), grove.TooLarge, grove.ReasonUploadFailed},
		{"too large, not said", library.Wish{}, -1, bytes.NewReader(make([]byte, 2<<20)), grove.TooLarge, grove.ReasonUploadFailed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, func(c *library.Config) { c.MaxBytes = 1 << 20 })
			c.wish.Name = "a.3mf"
			up := h.newUpload(t, c.wish)
			_, sig := link(t, up.URL)
			_, err := h.Receive(t.Context(), up.File.ID, sig, whole(c.length, c.body))
			wantError(t, "Receive", err, c.code, c.reason)
			h.nothingKept(t)
			_, err = h.Confirm(t.Context(), ann, up.File.ID)
			wantError(t, "Confirm", err, grove.Conflict, library.ReasonUploadAwaited)
			if list, err := h.Files(t.Context(), ann, library.Query{}, grove.Page{}); err != nil || len(list.Items) != 0 {
				t.Errorf("listed: %+v, %v", list.Items, err)
			}
			if c.wish.Size == 0 && c.wish.MD5 == "" && c.wish.SHA256 == "" {
				if f, err := h.put(t, up, content); err != nil || f.State != grove.Stored {
					t.Errorf("the repeated PUT = %+v, %v", f, err)
				}
			}
		})
	}
}

func TestASignatureFitsOneLinkOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up, other := h.newUpload(t, library.Wish{Name: "a.3mf"}), h.newUpload(t, library.Wish{Name: "b.3mf"})
	_, good := link(t, up.URL)
	_, othersSig := link(t, other.URL)
	later := good
	later.Expires = "9" + good.Expires[1:]
	_, get := link(t, h.ContentURL(up.File, up.ExpiresIn))
	for what, sig := range map[string]library.Signature{
		"another file's": othersSig,
		"a later expiry": later,
		"for a GET":      get,
		"cut":            {Expires: good.Expires, Signature: good.Signature[:62]},
		"one digit off":  {Expires: good.Expires, Signature: flip(good.Signature)},
		"no hex":         {Expires: good.Expires, Signature: strings.Repeat("z", 64)},
		"plus":           {Expires: "+" + good.Expires, Signature: good.Signature},
		"none":           {},
	} {
		_, err := h.Receive(t.Context(), up.File.ID, sig, whole(1, iotest.ErrReader(errors.New("was read"))))
		wantError(t, what, err, grove.Forbidden, library.ReasonSignatureInvalid)
	}
	foreign := newHouse(t, func(c *library.Config) { c.Key = bytes.Repeat([]byte("x"), 32) })
	_, err := foreign.Receive(t.Context(), up.File.ID, good, whole(1, strings.NewReader("x")))
	wantError(t, "another key", err, grove.Forbidden, library.ReasonSignatureInvalid)
}

func flip(hex string) string {
	if strings.HasSuffix(hex, "0") {
		return hex[:len(hex)-1] + "1"
	}
	return hex[:len(hex)-1] + "0"
}

func TestALinkEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) { c.UploadLife = -1 })
	_, err := h.put(t, h.newUpload(t, library.Wish{Name: "a.3mf"}), cube(t))
	wantError(t, "an ended link", err, grove.Forbidden, library.ReasonSignatureExpired)
	h.nothingKept(t)
}

func TestAFinishedUploadIsNotReplaced(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	content := cube(t)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	if _, err := h.put(t, up, content); err != nil {
		t.Fatal(err)
	}
	_, err := h.put(t, up, sample.ThreeMF(sample.Layers(9)))
	wantError(t, "a second PUT", err, grove.Conflict, library.ReasonUploadDone)
	if !bytes.Equal(h.content(t, up.File.ID), content) {
		t.Error("the content was replaced")
	}
}

func TestContentThatDoesNotFitTheNameIsRejected(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	for name, content := range map[string][]byte{
		"a.3mf": sample.STL(), "a.gcode": cube(t), "a.stl": []byte("MZ\x90\x00"), "a.step": []byte("ISO 10303"),
	} {
		up := h.newUpload(t, library.Wish{Name: name})
		_, err := h.put(t, up, content)
		wantError(t, name, err, grove.Invalid, grove.ReasonUploadFailed)
		h.nothingKept(t)
		f, err2 := h.File(t.Context(), ann, up.File.ID)
		if err2 != nil || f.State != grove.Rejected || f.Problem != grove.AsError(err).Message {
			t.Errorf("%s: the record is %+v, %v", name, f, err2)
		}
		_, err = h.Confirm(t.Context(), ann, up.File.ID)
		wantError(t, "Confirm", err, grove.Invalid, grove.ReasonUploadFailed)
		_, err = h.put(t, up, cube(t))
		wantError(t, "another PUT", err, grove.Conflict, library.ReasonUploadDone)
		if list, err := h.Files(t.Context(), ann, library.Query{}, grove.Page{}); err != nil || len(list.Items) != 0 {
			t.Errorf("%s: listed %+v, %v", name, list.Items, err)
		}
	}
}

func TestAFileThatCannotBePrintedIsKeptAndSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	damaged := bytes.Clone(cube(t))
	for i := len(damaged) / 4; i < len(damaged); i++ {
		damaged[i] = 0
	}
	for name, content := range map[string][]byte{
		"model.stl": sample.STL(), "model.step": sample.STEP(), "model.3mf": sample.ThreeMF(sample.Unsliced()), "damaged.3mf": damaged,
	} {
		f := h.upload(t, name, content)
		if f.State != grove.Stored || f.Printable || f.Problem == "" || f.Plates == nil {
			t.Errorf("%s is %+v", name, f)
		}
		if !bytes.Equal(h.content(t, f.ID), content) {
			t.Errorf("the content of %s is another", name)
		}
	}
}

func TestOnlyOneOfTwoPUTsToALinkWins(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	_, sig := link(t, up.URL)
	content := cube(t)
	body, feed := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		if f, err := h.Receive(t.Context(), up.File.ID, sig, whole(int64(len(content)), body)); err != nil || f.State != grove.Stored {
			t.Errorf("the first PUT = %+v, %v", f, err)
		}
	})
	if _, err := feed.Write(content[:100]); err != nil { // the first is under way
		t.Fatal(err)
	}
	_, err := h.put(t, up, content)
	wantError(t, "the second PUT", err, grove.Conflict, library.ReasonUploadRunning)
	_, err = h.Confirm(t.Context(), ann, up.File.ID)
	wantError(t, "Confirm meanwhile", err, grove.Conflict, library.ReasonUploadRunning)
	_, _ = feed.Write(content[100:])
	_ = feed.Close()
	wg.Wait()
	if !bytes.Equal(h.content(t, up.File.ID), content) {
		t.Error("the content is another")
	}
}

func TestTwoNodesDoNotBothFinishAnUpload(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	_, sig := link(t, up.URL)
	content := cube(t)
	other := library.New(library.Config{Records: h.db, Blobs: h.disk, Key: h.Key, PublicURL: publicURL, MinFree: -1})
	body, feed := io.Pipe()
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := other.Receive(t.Context(), up.File.ID, sig, whole(int64(len(content)), body))
		wantError(t, "the slower node", err, grove.Conflict, library.ReasonUploadDone)
	})
	if _, err := feed.Write(content[:100]); err != nil {
		t.Fatal(err)
	}
	if _, err := h.put(t, up, content); err != nil {
		t.Errorf("the faster node: %v", err)
	}
	_, _ = feed.Write(content[100:])
	_ = feed.Close()
	wg.Wait()
	if !bytes.Equal(h.content(t, up.File.ID), content) {
		t.Error("the content is another")
	}
}

func TestAClientThatHangsUpAfterTheLastByteHasUploaded(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	_, sig := link(t, up.URL)
	content := cube(t)
	ctx, cancel := context.WithCancel(t.Context())
	body := io.MultiReader(bytes.NewReader(content), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, io.EOF
	}))
	if _, err := h.Receive(ctx, up.File.ID, sig, whole(int64(len(content)), body)); err != nil {
		t.Errorf("Receive = %v", err)
	}
	if f, err := h.Confirm(t.Context(), ann, up.File.ID); err != nil || !f.Printable {
		t.Errorf("Confirm = %+v, %v", f, err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// fillingDisk runs full after some bytes of the first put.
type fillingDisk struct {
	*blob.Disk
	once sync.Once
}

func (d *fillingDisk) Put(ctx context.Context, name string, r io.Reader) (grove.Blob, error) {
	d.once.Do(func() { r = io.MultiReader(io.LimitReader(r, 1000), iotest.ErrReader(syscall.ENOSPC)) })
	return d.Disk.Put(ctx, name, r)
}

func TestADiskThatRunsFullMidwayKeepsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) {
		disk, ok := c.Blobs.(*blob.Disk)
		if !ok {
			t.Fatal("the blobs are no disk")
		}
		c.Blobs = &fillingDisk{Disk: disk}
	})
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	_, err := h.put(t, up, cube(t))
	wantError(t, "Receive", err, grove.Unavailable, grove.ReasonDiskFull)
	h.nothingKept(t)
	if f, err := h.put(t, up, cube(t)); err != nil || f.State != grove.Stored {
		t.Errorf("once there is space: %+v, %v", f, err)
	}
}

func TestAnUploadThatWouldFillTheDiskIsRefusedUnread(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	_, sig := link(t, up.URL)
	strict := library.New(library.Config{Records: h.db, Blobs: h.disk, Key: h.Key, PublicURL: publicURL, MinFree: 1 << 62})
	_, err := strict.Receive(t.Context(), up.File.ID, sig, whole(100, iotest.ErrReader(errors.New("was read"))))
	wantError(t, "Receive", err, grove.Unavailable, grove.ReasonDiskFull)
}

// shrinkingDisk has so much space at first, and what is put takes of it.
type shrinkingDisk struct {
	*blob.Disk
	free atomic.Int64
}

func (d *shrinkingDisk) Put(ctx context.Context, name string, r io.Reader) (grove.Blob, error) {
	return d.Disk.Put(ctx, name, io.TeeReader(r, d))
}

// Write takes of the space.
func (d *shrinkingDisk) Write(p []byte) (int, error) {
	d.free.Add(-int64(len(p)))
	return len(p), nil
}

// Free is what is left.
func (d *shrinkingDisk) Free(context.Context) (free, total int64, err error) {
	return d.free.Load(), 1 << 40, nil
}

func TestAnUploadOfUnknownSizeStopsBeforeTheSpaceEnds(t *testing.T) {
	t.Parallel()
	const mebi = 1 << 20
	small := &shrinkingDisk{}
	small.free.Store(100 * mebi)
	h := newHouse(t, func(c *library.Config) {
		disk, ok := c.Blobs.(*blob.Disk)
		if !ok {
			t.Fatal("the blobs are no disk")
		}
		small.Disk, c.Blobs, c.MinFree = disk, small, 60*mebi
	})
	up := h.newUpload(t, library.Wish{Name: "a.gcode"})
	_, sig := link(t, up.URL)
	body := &counted{Reader: io.LimitReader(endless{}, 90*mebi)}
	_, err := h.Receive(t.Context(), up.File.ID, sig, whole(-1, body))
	wantError(t, "Receive", err, grove.Unavailable, grove.ReasonDiskFull)
	h.nothingKept(t)
	if body.n > 60*mebi {
		t.Errorf("%d MiB were read before the upload was stopped", body.n/mebi)
	}
	if f, err := h.db.File(t.Context(), up.File.ID); err != nil || f.State != grove.Awaiting {
		t.Errorf("the PUT can't be repeated: %+v, %v", f, err)
	}
}

// counted says how much was read of it.
type counted struct {
	io.Reader
	n int
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// endless is G-code without an end.
type endless struct{}

// Read fills p.
func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = "G28\n"[i%4]
	}
	return len(p), nil
}

func TestFilesBeyondTheQuotaAreRefusedAndTheLargestNamed(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *library.Config) { c.Quota = 1000 })
	gcode := func(n int) []byte { return bytes.Repeat([]byte("G28\n"), n/4) }
	store := func(actor grove.Actor, name string, n int) (grove.File, error) {
		return h.Store(t.Context(), actor, library.Wish{Name: name}, bytes.NewReader(gcode(n)))
	}
	large, err := store(ann, "large.gcode", 600)
	if err != nil {
		t.Fatal(err)
	}
	awaited := h.newUpload(t, library.Wish{Name: "a.gcode"})
	if _, err := store(ann, "small.gcode", 400); err != nil {
		t.Fatalf("a file that just fits: %v", err)
	}
	refused := func(what string, err error) {
		t.Helper()
		wantError(t, what, err, grove.TooLarge, grove.ReasonUploadFailed)
		if words := grove.AsError(err).Message; !strings.Contains(words, "large.gcode ("+large.ID+", 600 bytes), small.gcode") {
			t.Errorf("%s: it is not said what to delete: %q", what, words)
		}
	}
	_, err = h.NewUpload(t.Context(), ann, library.Wish{Name: "b.gcode"})
	refused("a new upload", err)
	_, err = h.put(t, awaited, gcode(4))
	refused("an upload that was made before", err)
	if _, err := store(bob, "his.gcode", 1000); err != nil {
		t.Errorf("somebody else: %v", err)
	}
	if err := h.Delete(t.Context(), ann, large.ID); err != nil {
		t.Fatal(err)
	}
	_, err = h.NewUpload(t.Context(), ann, library.Wish{Name: "b.gcode", Size: 601})
	wantError(t, "one byte too many", err, grove.TooLarge, grove.ReasonUploadFailed)
	_, sig := link(t, awaited.URL)
	_, err = h.Receive(t.Context(), awaited.File.ID, sig, whole(-1, bytes.NewReader(gcode(604))))
	wantError(t, "too many without a size", err, grove.TooLarge, grove.ReasonUploadFailed)
	if _, err := h.put(t, awaited, gcode(600)); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
}

// putForEver is this test binary as a child: it begins an upload that never
// ends, and says its link and when it has begun.
func putForEver(dir string) {
	h, err := open(dir, nil)
	if err != nil {
		panic(err)
	}
	up, err := h.NewUpload(context.Background(), ann, library.Wish{Name: "a.3mf"})
	if err != nil {
		panic(err)
	}
	_, query, _ := strings.Cut(up.URL, "?Expires=")
	expires, signature, _ := strings.Cut(query, "&Signature=")
	sent := 0
	_, err = h.Receive(context.Background(), up.File.ID, library.Signature{Expires: expires, Signature: signature},
		whole(-1, readerFunc(func(p []byte) (int, error) {
			if sent += len(p); sent > 4<<20 {
				fmt.Println(up.File.ID, up.URL)
				select {} // until killed
			}
			return len(p), nil
		})))
	panic(err)
}

func TestAfterAKillTheUploadCanBeRepeated(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "LIBRARY_TEST_ENDLESS_PUT="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var id, signed string
	if _, err := fmt.Fscan(bufio.NewReader(out), &id, &signed); err != nil {
		t.Fatalf("the child did not begin: %v", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	h, err := open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer h.close(t)
	h.nothingKept(t)
	f, err := h.File(t.Context(), ann, id)
	if err != nil || f.State != grove.Awaiting {
		t.Errorf("after the kill the record is %+v, %v", f, err)
	}
	if f, err = h.put(t, library.Upload{File: f, URL: signed}, cube(t)); err != nil || f.State != grove.Stored {
		t.Errorf("the repeated PUT = %+v, %v", f, err)
	}
}

func TestAKillBetweenBlobAndRecordLeavesTheUploadRepeatable(t *testing.T) {
	t.Parallel()
	h := newHouse(t, nil)
	up := h.newUpload(t, library.Wish{Name: "a.3mf"})
	if _, err := h.disk.Put(t.Context(), "files/"+up.File.ID, strings.NewReader("left by the one that was killed")); err != nil {
		t.Fatal(err)
	}
	content := cube(t)
	f, err := h.put(t, up, content)
	if err != nil || f.SHA256 != hexSHA(content) || !bytes.Equal(h.content(t, f.ID), content) {
		t.Errorf("Receive = %+v, %v", f, err)
	}
}

// BenchmarkReceive compares a whole upload, read and recorded, with the plain
// copy that does the least that must be done: to a file, with SHA-256, synced.
// The budget is a ratio of 0.9.
func BenchmarkReceive(b *testing.B) {
	h := newHouse(b, nil)
	content := sample.ThreeMF(sample.Size(64 << 20))
	plain := filepath.Join(b.TempDir(), "plain")
	var copied, received []time.Duration
	b.SetBytes(int64(len(content)))
	for b.Loop() {
		began := time.Now()
		plainCopy(b, plain, content)
		copied = append(copied, time.Since(began))
		up := h.newUpload(b, library.Wish{Name: "a.3mf"})
		_, sig := link(b, up.URL)
		began = time.Now()
		if _, err := h.Receive(b.Context(), up.File.ID, sig, whole(int64(len(content)), onlyReader{bytes.NewReader(content)})); err != nil {
			b.Fatal(err)
		}
		received = append(received, time.Since(began))
		if err := errors.Join(h.Delete(b.Context(), ann, up.File.ID), os.Remove(plain)); err != nil {
			b.Fatal(err)
		}
	}
	slices.Sort(copied)
	slices.Sort(received)
	b.ReportMetric(float64(copied[len(copied)/2])/float64(received[len(received)/2]), "of-plain-copy")
}

// onlyReader hides WriteTo, as a network connection has none.
type onlyReader struct{ io.Reader }

func plainCopy(b *testing.B, path string, content []byte) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.MultiWriter(f, sha256.New()), onlyReader{bytes.NewReader(content)}); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}
