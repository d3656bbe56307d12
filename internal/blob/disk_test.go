package blob_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
	"github.com/grovecloud/grove/internal/blob/blobtest"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("BLOB_TEST_ENDLESS_PUT"); dir != "" {
		putForEver(dir)
	}
	if dir := os.Getenv("BLOB_TEST_SMALL_DISK"); dir != "" {
		os.Exit(fillSmallDisk(dir))
	}
	goleak.VerifyTestMain(m)
}

func openDisk(t testing.TB, dir string) *blob.Disk {
	t.Helper()
	d, err := blob.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDiskKeepsTheRulesOfTheStore(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openDisk(t, t.TempDir()) })
}

// files are all files below dir, whatever they are for.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAFailedPutLeavesNoFileOfAnyKind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d := openDisk(t, dir)
	broken := errors.New("cut")
	if _, err := d.Put(t.Context(), "a", io.MultiReader(strings.NewReader("half"), errReader{broken})); !errors.Is(err, broken) {
		t.Errorf("Put = %v", err)
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestWhatSurvivesAReopening(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "opening")
	d := openDisk(t, dir)
	if _, err := d.Put(t.Context(), "files/a", strings.NewReader("whole")); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = openDisk(t, dir)
	r, err := d.Open(t.Context(), "files/a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if b, err := io.ReadAll(r); string(b) != "whole" || err != nil {
		t.Errorf("read %q, %v", b, err)
	}
}

// putForEver is this test binary as a child: it puts a blob that never ends, or
// goes on with the one that is there, and says when some of it has been written.
func putForEver(dir string) {
	d, err := blob.OpenDisk(dir)
	if err != nil {
		panic(err)
	}
	if _, err := d.Open(context.Background(), "files/a"); err == nil {
		_, err = d.Append(context.Background(), "files/a", 1000, &endless{after: 8 << 20})
		panic(err)
	}
	_, err = d.Put(context.Background(), "files/a", &endless{after: 8 << 20})
	panic(err)
}

type endless struct{ n, after int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n < e.after && e.n+len(p) >= e.after {
		_, _ = os.Stdout.WriteString("writing\n")
	}
	if e.n > e.after {
		select {} // hold the half-written file until killed
	}
	e.n += len(p)
	return len(p), nil
}

// killMidway has a child put into dir and kills it while it writes.
func killMidway(t *testing.T, dir string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("needs a kill that cannot be caught")
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "BLOB_TEST_ENDLESS_PUT="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "writing\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
}

func TestAKilledPutIsSweptUpOnOpening(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killMidway(t, dir)
	if left := files(t, dir); len(left) != 1 {
		t.Fatalf("the killed put left %q, want its half-written file", left)
	}
	d := openDisk(t, dir)
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("after opening there is still %q", left)
	}
	if _, err := d.Open(t.Context(), "files/a"); !errors.Is(err, grove.NotFound) {
		t.Errorf("Open of the half-put blob = %v", err)
	}
	if _, err := d.Put(t.Context(), "files/a", strings.NewReader("again")); err != nil {
		t.Errorf("the put cannot be repeated: %v", err)
	}
}

func TestAKilledAppendLosesNothingOfWhatWasThere(t *testing.T) {
	t.Parallel()
	dir, content := t.TempDir(), blobtest.Content(2000)
	d := openDisk(t, dir)
	if _, err := d.Put(t.Context(), "files/a", bytes.NewReader(content[:1000])); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	killMidway(t, dir)
	d = openDisk(t, dir)
	if half, err := d.Sum(t.Context(), "files/a"); err != nil || half.Size <= 1000 {
		t.Fatalf("the killed append wrote nothing: %+v, %v", half, err)
	}
	if _, err := d.Append(t.Context(), "files/a", 1000, bytes.NewReader(content[1000:])); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if got, err := d.Sum(t.Context(), "files/a"); err != nil || got.Size != 2000 || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("after going on the blob is %+v, %v", got, err)
	}
}

func TestAPutUsesLittleMemory(t *testing.T) {
	d := openDisk(t, t.TempDir())
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := d.Put(t.Context(), "a", io.LimitReader(zeroes{}, 128<<20)); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 4<<20 {
		t.Errorf("putting 128 MiB allocated %d KiB", got>>10)
	}
}

type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { return len(p), nil }

func TestALinkOutOfTheDirectoryLeadsNowhere(t *testing.T) {
	t.Parallel()
	outside, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "files")); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
	d := openDisk(t, dir)
	if r, err := d.Open(t.Context(), "files/secret"); err == nil {
		r.Close()
		t.Error("a link led out of the directory for reading")
	}
	if _, err := d.Put(t.Context(), "files/new", strings.NewReader("x")); err == nil {
		t.Error("a link led out of the directory for writing")
	}
	if got := files(t, outside); len(got) != 1 {
		t.Errorf("outside there is %q", got)
	}
}

// BenchmarkPut compares Put with the plain copy that does the least that must
// be done: to a file, with SHA-256, synced. The budget is a ratio of 0.9.
func BenchmarkPut(b *testing.B) {
	content := blobtest.Content(64 << 20)
	dir := b.TempDir()
	d := openDisk(b, dir)
	var plain, put []time.Duration
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		plainCopy(b, filepath.Join(dir, "plain"), content)
		plain = append(plain, time.Since(began))
		began = time.Now()
		if _, err := d.Put(b.Context(), "blob", onlyReader{bytes.NewReader(content)}); err != nil {
			b.Fatal(err)
		}
		put = append(put, time.Since(began))
	}
	b.ReportMetric(float64(median(plain))/float64(median(put)), "of-plain-copy")
	b.ReportMetric(float64(len(content))/1e6/median(put).Seconds(), "put-MB/s")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
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
