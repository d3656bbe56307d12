package library_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/printfile/sample"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LIBRARY_TEST_ENDLESS_PUT"); dir != "" {
		putForEver(dir)
	}
	goleak.VerifyTestMain(m)
}

// house is a library on a real store and a real disk.
type house struct {
	*library.Library
	db    *store.DB
	disk  *blob.Disk
	files string // the directory of the blobs
}

const publicURL = "https://cloud.example.org"

var (
	ann = grove.Actor{Kind: grove.ActorUser, UserID: 1}
	bob = grove.Actor{Kind: grove.ActorUser, UserID: 2}
)

func open(dir string, change func(*library.Config)) (house, error) {
	db, err := store.Open(context.Background(), store.Config{Path: filepath.Join(dir, "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		return house{}, err
	}
	h := house{db: db, files: filepath.Join(dir, "files")}
	if h.disk, err = blob.OpenDisk(h.files); err != nil {
		return house{}, errors.Join(err, db.Close())
	}
	c := library.Config{
		Records: db, Blobs: h.disk, Key: bytes.Repeat([]byte("k"), 32), PublicURL: publicURL + "/", MinFree: -1,
	}
	if change != nil {
		change(&c)
	}
	h.Library = library.New(c)
	return h, nil
}

func newHouse(t testing.TB, change func(*library.Config)) house {
	t.Helper()
	h, err := open(t.TempDir(), change)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close(t) })
	return h
}

func (h house) close(t testing.TB) {
	t.Helper()
	if err := errors.Join(h.disk.Close(), h.db.Close()); err != nil {
		t.Error(err)
	}
}

// link takes a signed URL apart.
func link(t testing.TB, signed string) (path string, sig library.Signature) {
	t.Helper()
	u, err := url.Parse(signed)
	if err != nil || !strings.HasPrefix(signed, publicURL+"/") {
		t.Fatalf("the link is %q, %v", signed, err)
	}
	return u.Path, library.Signature{Expires: u.Query().Get("Expires"), Signature: u.Query().Get("Signature")}
}

func (h house) newUpload(t testing.TB, w library.Wish) library.Upload {
	t.Helper()
	up, err := h.NewUpload(t.Context(), ann, w)
	if err != nil {
		t.Fatalf("NewUpload(%+v): %v", w, err)
	}
	return up
}

// whole is a PUT of everything.
func whole(length int64, body io.Reader) library.Sending {
	return library.Sending{Body: body, Length: length, Offset: library.Whole}
}

// put sends content to an upload's link.
func (h house) put(t *testing.T, up library.Upload, content []byte) (grove.File, error) {
	t.Helper()
	path, sig := link(t, up.URL)
	if path != "/u/"+up.File.ID {
		t.Fatalf("the upload's path is %s", path)
	}
	return h.Receive(t.Context(), up.File.ID, sig, whole(int64(len(content)), bytes.NewReader(content)))
}

// upload brings a file in.
func (h house) upload(t *testing.T, name string, content []byte) grove.File {
	t.Helper()
	f, err := h.put(t, h.newUpload(t, library.Wish{Name: name}), content)
	if err != nil {
		t.Fatalf("upload %s: %v", name, err)
	}
	return f
}

func (h house) content(t *testing.T, id string) []byte {
	t.Helper()
	_, r, err := h.Open(t.Context(), ann, id)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// nothingKept says that no content and no half of one lies on the disk.
func (h house) nothingKept(t *testing.T) {
	t.Helper()
	if left := h.onDisk(t); len(left) != 0 {
		t.Errorf("on the disk there is %q", left)
	}
}

func (h house) onDisk(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(h.files, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(h.files, path)
			all = append(all, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantError(t *testing.T, doing string, err error, code grove.Code, reason string) {
	t.Helper()
	if !errors.Is(err, code) || !grove.HasReason(err, reason) {
		t.Errorf("%s: got %v, want %s %s", doing, err, code, reason)
	}
	if err != nil && len(grove.AsError(err).Message) < 15 {
		t.Errorf("%s: the message is %q", doing, grove.AsError(err).Message)
	}
}

var cubeOnce = sync.OnceValue(func() []byte { return sample.ThreeMF(sample.Layers(3)) })

// cube is a small sliced file, the same each time.
func cube(t *testing.T) []byte {
	t.Helper()
	return bytes.Clone(cubeOnce())
}

func hexSHA(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func hexMD5(b []byte) string {
	sum := md5.Sum(b)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}
