// Package blobtest holds every store of blobs to the rules of [blob.Store].
package blobtest

import (
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // the port's rules include it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
)

// Run runs the suite. open makes an empty store each time.
func Run(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"what was put is read back with its hashes", putAndOpen},
		{"an empty blob is a blob", emptyBlob},
		{"reading seeks and reads at any place", seekAndReadAt},
		{"a second put replaces in one step", replace},
		{"a failing reader keeps nothing", failingReader},
		{"a panicking reader keeps nothing", panickingReader},
		{"a reader that gives nothing and no error ends", idleReader},
		{"a cancelled context keeps nothing", cancelledContext},
		{"a failed put leaves the blob of that name alone", failedReplace},
		{"what is appended goes on from there", appending},
		{"appending drops what lay behind", appendDropsTheRest},
		{"a failed append leaves what was there", failingAppend},
		{"nothing is appended to less than is said to be there", appendToNothing},
		{"deleting twice is no error", deleteTwice},
		{"a list has every blob and nothing else", list},
		{"a list may be left early", leaveList},
		{"puts of one name at once leave one of them whole", concurrentPuts},
		{"names that lead elsewhere are refused", badNames},
		{"a name is no folder of another", clashingNames},
		{"free space is told or not known", free},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

// Content is pseudo-random content of a size, the same each time.
func Content(size int) []byte {
	b := make([]byte, size)
	var seed [32]byte
	_, _ = rand.NewChaCha8(seed).Read(b)
	return b
}

func put(t *testing.T, s blob.Store, name string, content []byte) blob.Info {
	t.Helper()
	info, err := s.Put(t.Context(), name, bytes.NewReader(content))
	if err != nil {
		t.Fatalf("Put(%s): %v", name, err)
	}
	return info
}

func read(t *testing.T, s blob.Store, name string) []byte {
	t.Helper()
	r, err := s.Open(t.Context(), name)
	if err != nil {
		t.Fatalf("Open(%s): %v", name, err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
	return b
}

func mustBeAbsent(t *testing.T, s blob.Store, name string) {
	t.Helper()
	r, err := s.Open(t.Context(), name)
	if err == nil {
		defer r.Close()
	}
	if !errors.Is(err, grove.NotFound) {
		t.Errorf("Open(%s) = %v, want NotFound", name, err)
	}
	if got := names(t, s); len(got) != 0 {
		t.Errorf("the store lists %q, want nothing", got)
	}
}

func names(t *testing.T, s blob.Store) []string {
	t.Helper()
	var all []string
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		all = append(all, info.Name)
	}
	slices.Sort(all)
	return all
}

func putAndOpen(t *testing.T, s blob.Store) {
	for _, size := range []int{1, 4095, 256 << 10, 256<<10 + 1, 3<<20 + 17} {
		content := Content(size)
		before := time.Now().Add(-2 * time.Second) // file systems may keep coarse times
		got := put(t, s, "files/f_1", content)
		sum, slow := sha256.Sum256(content), md5.Sum(content) //nolint:gosec // the port's rules include it
		want := blob.Info{
			Name: "files/f_1", Size: int64(size),
			SHA256: hex.EncodeToString(sum[:]), MD5: strings.ToUpper(hex.EncodeToString(slow[:])),
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(blob.Info{}, "ModTime")); diff != "" {
			t.Errorf("Put of %d bytes (-want +got):\n%s", size, diff)
		}
		if got.ModTime.Before(before) || got.ModTime.Location() != time.UTC {
			t.Errorf("ModTime = %v, want now, in UTC", got.ModTime)
		}
		if !bytes.Equal(read(t, s, "files/f_1"), content) {
			t.Errorf("what is read of %d bytes is not what was put", size)
		}
	}
}

func emptyBlob(t *testing.T, s blob.Store) {
	if info := put(t, s, "empty", nil); info.Size != 0 || info.MD5 != "D41D8CD98F00B204E9800998ECF8427E" {
		t.Errorf("Put of nothing = %+v", info)
	}
	if b := read(t, s, "empty"); len(b) != 0 {
		t.Errorf("read %d bytes of an empty blob", len(b))
	}
}

func seekAndReadAt(t *testing.T, s blob.Store) {
	content := Content(100_000)
	put(t, s, "a", content)
	r, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Size() != int64(len(content)) {
		t.Errorf("Size() = %d, want %d", r.Size(), len(content))
	}
	part := make([]byte, 1000)
	if _, err := r.ReadAt(part, 50_000); err != nil || !bytes.Equal(part, content[50_000:51_000]) {
		t.Errorf("ReadAt(50000) gave something else, err %v", err)
	}
	if n, err := r.ReadAt(part, int64(len(content))-10); n != 10 || err != io.EOF { //nolint:errorlint // io.ReaderAt promises io.EOF itself
		t.Errorf("ReadAt over the end = %d, %v, want 10, EOF", n, err)
	}
	if at, err := r.Seek(-500, io.SeekEnd); err != nil || at != int64(len(content))-500 {
		t.Errorf("Seek = %d, %v", at, err)
	}
	if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, content[len(content)-500:]) {
		t.Errorf("what follows a Seek is something else, err %v", err)
	}
}

func replace(t *testing.T, s blob.Store) {
	first, second := Content(300_000), bytes.Repeat([]byte("b"), 1000)
	put(t, s, "a", first)
	open, err := s.Open(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	put(t, s, "a", second)
	if old, err := io.ReadAll(open); err != nil || !bytes.Equal(old, first) {
		t.Errorf("a reader opened before the replacement reads something else (%d bytes, err %v)", len(old), err)
	}
	if !bytes.Equal(read(t, s, "a"), second) {
		t.Error("after the second put its content is not what is read")
	}
}

var errBroken = errors.New("connection reset by peer")

func failingReader(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 10, 700_000} {
		body := io.MultiReader(bytes.NewReader(Content(size)), iotest.ErrReader(errBroken))
		if _, err := s.Put(t.Context(), "a", body); !errors.Is(err, errBroken) {
			t.Errorf("Put = %v, want the reader's error", err)
		}
		mustBeAbsent(t, s, "a")
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("a bug in a reader") }

func panickingReader(t *testing.T, s blob.Store) {
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_, _ = s.Put(t.Context(), "a", io.MultiReader(bytes.NewReader(Content(600_000)), panicking{}))
	}()
	mustBeAbsent(t, s, "a")
}

type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func idleReader(t *testing.T, s blob.Store) {
	if _, err := s.Put(t.Context(), "a", idle{}); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Put = %v, want io.ErrNoProgress", err)
	}
	mustBeAbsent(t, s, "a")
}

// cancelling ends its context after some reads, and would go on for ever.
type cancelling struct {
	reads  int
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	if c.reads--; c.reads == 0 {
		c.cancel()
	}
	return len(p), nil
}

func cancelledContext(t *testing.T, s blob.Store) {
	for _, reads := range []int{1, 5} {
		ctx, cancel := context.WithCancel(t.Context())
		if _, err := s.Put(ctx, "a", &cancelling{reads: reads, cancel: cancel}); !errors.Is(err, context.Canceled) {
			t.Errorf("Put = %v, want context.Canceled", err)
		}
		mustBeAbsent(t, s, "a")
	}
}

func failedReplace(t *testing.T, s blob.Store) {
	content := Content(1000)
	put(t, s, "a", content)
	if _, err := s.Put(t.Context(), "a", io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errBroken))); err == nil {
		t.Error("a broken put succeeded")
	}
	if !bytes.Equal(read(t, s, "a"), content) {
		t.Error("a broken put changed the blob that was there")
	}
}

func deleteTwice(t *testing.T, s blob.Store) {
	put(t, s, "files/a", []byte("a"))
	for range 2 {
		if err := s.Delete(t.Context(), "files/a"); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	mustBeAbsent(t, s, "files/a")
	if err := s.Delete(t.Context(), "never/was"); err != nil {
		t.Errorf("Delete of what never was: %v", err)
	}
}

func list(t *testing.T, s blob.Store) {
	if got := names(t, s); len(got) != 0 {
		t.Errorf("an empty store lists %q", got)
	}
	want := []string{"a", "b.txt", "files/f_1", "files/f_2", "thumbs/f_1/1.png"}
	for i, name := range want {
		put(t, s, name, Content(i+1))
	}
	if diff := cmp.Diff(want, names(t, s)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if want := int64(slices.Index(want, info.Name) + 1); info.Size != want || info.ModTime.IsZero() {
			t.Errorf("List gives %+v, want %d bytes and a time", info, want)
		}
	}
}

func leaveList(t *testing.T, s blob.Store) {
	for _, name := range []string{"a", "b/c", "b/d", "e"} {
		put(t, s, name, nil)
	}
	seen := 0
	for _, err := range s.List(t.Context()) {
		if seen++; seen == 2 || err != nil {
			break
		}
	}
	if seen != 2 {
		t.Errorf("saw %d blobs, want 2", seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range s.List(ctx) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a list under a cancelled context ends with %v", last)
	}
}

func concurrentPuts(t *testing.T, s blob.Store) {
	var wg sync.WaitGroup
	made := make([]blob.Info, 8)
	for i := range made {
		letter := "abcdefgh"[i : i+1]
		wg.Go(func() {
			info, err := s.Put(t.Context(), "files/same", strings.NewReader(strings.Repeat(letter, 300_000+i)))
			if err != nil {
				t.Errorf("Put: %v", err)
			}
			made[i] = info
		})
	}
	wg.Wait()
	b := read(t, s, "files/same")
	sum := sha256.Sum256(b)
	if !slices.ContainsFunc(made, func(i blob.Info) bool { return i.SHA256 == hex.EncodeToString(sum[:]) }) {
		t.Errorf("the %d bytes that stayed are none of those put", len(b))
	}
	if got := names(t, s); !slices.Equal(got, []string{"files/same"}) {
		t.Errorf("the store lists %q", got)
	}
}

func badNames(t *testing.T, s blob.Store) {
	for _, name := range []string{
		"", ".", "..", "../a", "a/../b", "/a", "a/", "a//b", "./a", ".a", "a/.b", "..a", "A", "a b", "ä", "a\x00b", `a\b`, "c:a",
		strings.Repeat("a", 201),
	} {
		if _, err := s.Put(t.Context(), name, strings.NewReader("x")); !errors.Is(err, grove.Invalid) {
			t.Errorf("Put(%q) = %v, want Invalid", name, err)
		}
		if _, err := s.Append(t.Context(), name, 0, strings.NewReader("x")); !errors.Is(err, grove.Invalid) {
			t.Errorf("Append(%q) = %v, want Invalid", name, err)
		}
		if _, err := s.Sum(t.Context(), name); !errors.Is(err, grove.Invalid) {
			t.Errorf("Sum(%q) = %v, want Invalid", name, err)
		}
		if r, err := s.Open(t.Context(), name); !errors.Is(err, grove.Invalid) {
			t.Errorf("Open(%q) = %v, %v, want Invalid", name, r, err)
		}
		if err := s.Delete(t.Context(), name); !errors.Is(err, grove.Invalid) {
			t.Errorf("Delete(%q) = %v, want Invalid", name, err)
		}
	}
	if got := names(t, s); len(got) != 0 {
		t.Errorf("the store lists %q", got)
	}
}

func clashingNames(t *testing.T, s blob.Store) {
	put(t, s, "a/b/c", []byte("c"))
	put(t, s, "d", []byte("d"))
	for _, name := range []string{"a", "a/b", "d/e", "d/e/f"} {
		if _, err := s.Put(t.Context(), name, strings.NewReader("x")); !errors.Is(err, grove.Invalid) {
			t.Errorf("Put(%s) = %v, want Invalid", name, err)
		}
		if _, err := s.Open(t.Context(), name); !errors.Is(err, grove.NotFound) {
			t.Errorf("Open(%s) = %v, want NotFound", name, err)
		}
		if err := s.Delete(t.Context(), name); err != nil {
			t.Errorf("Delete(%s) = %v", name, err)
		}
	}
	if diff := cmp.Diff([]string{"a/b/c", "d"}, names(t, s)); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func free(t *testing.T, s blob.Store) {
	left, total, err := s.Free(t.Context())
	if err != nil {
		t.Fatalf("Free: %v", err)
	}
	if unknown := left < 0 && total < 0; !unknown && (left < 0 || total <= 0 || left > total) {
		t.Errorf("Free() = %d of %d", left, total)
	}
}
