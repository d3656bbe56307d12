package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewPCG(1, 2)
	for i := range b {
		b[i] = byte(r.Uint64())
	}
	return b
}

func loadOf(path string, content []byte) grove.Load {
	return grove.Load{Path: path, Size: int64(len(content)), Open: func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

func quiet(int64, int64) {}

func refused(t *testing.T, err error, code grove.Code, reason string) {
	t.Helper()
	if !errors.Is(err, code) || !grove.HasReason(err, reason) {
		t.Fatalf("got %v, want %s %s", err, code, reason)
	}
}

func TestAFileIsCarriedListedFetchedAndDeleted(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 300_000, 3 << 20} {
		f := newFTPD(t)
		d, content := f.drive(), noise(size)
		at := d.Berth(700000001, "bracket v2.gcode.3mf")
		var last [2]int64
		if err := d.Carry(t.Context(), loadOf(at.Path, content), func(sent, total int64) { last = [2]int64{sent, total} }); err != nil {
			t.Fatal(err)
		}
		if got, ok := f.file(at.Path); !ok || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes arrived of %d", len(got), size)
		}
		if want := int64(size); last != [2]int64{want, want} {
			t.Errorf("told %v of %d bytes", last, size)
		}
		list, err := d.List(t.Context(), "/cache")
		want := []grove.StorageEntry{{
			Name: "bracket_v2_700000001.gcode.3mf", Path: at.Path, SizeBytes: int64(size), ChangedAt: time.Date(2020, 10, 21, 0, 0, 0, 0, time.UTC),
		}}
		if diff := cmp.Diff(want, list); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		var back bytes.Buffer
		if err := d.Fetch(t.Context(), at.Path, &back); err != nil || !bytes.Equal(back.Bytes(), content) {
			t.Errorf("fetched %d bytes: %v", back.Len(), err)
		}
		for range 2 { // what is not there is deleted
			if err := d.Drop(t.Context(), at.Path); err != nil {
				t.Error(err)
			}
		}
		if left := f.names(); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		if f.most != 1 {
			t.Errorf("%d sessions at once", f.most)
		}
		said := f.commands()
		if p := slices.Index(said, "PROT P"); p < 0 || p > slices.Index(said, "PASV") {
			t.Errorf("data before PROT P: %v", said)
		}
	}
}

func TestAnUploadIsOverOnlyWhenThePrinterSaysSo(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	f.stor = func(path string, data io.Reader) string {
		said := f.take(path, data)
		close(arrived)
		<-answer
		return said
	}
	done := make(chan error, 1)
	go func() { done <- f.drive().Carry(t.Context(), loadOf("/cache/a.3mf", noise(1000)), quiet) }()
	<-arrived
	select {
	case err := <-done:
		t.Fatalf("over before the 226 reply: %v", err)
	default:
	}
	close(answer)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestWhatArrivesByHalfIsDeletedAndSentAgain(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	cuts := 2
	f.stor = func(path string, data io.Reader) string {
		if cuts--; cuts < 0 {
			return f.take(path, data)
		}
		half, _ := io.ReadAll(io.LimitReader(data, 100_000))
		f.keep(path, half)
		return "426 Failure reading network stream."
	}
	content := noise(1 << 20)
	var starts int
	err := f.drive().Carry(t.Context(), loadOf("/cache/a.3mf", content), func(sent, _ int64) {
		if sent == 0 {
			starts++
		}
	})
	if err != nil || starts != 3 {
		t.Fatalf("%d tries: %v", starts, err)
	}
	if got, _ := f.file("/cache/a.3mf"); !bytes.Equal(got, content) {
		t.Errorf("%d bytes arrived", len(got))
	}
	if n := count(f.commands(), "DELE /cache/a.3mf"); n != 2 {
		t.Errorf("deleted %d times", n)
	}
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

func TestACancelledUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("the job was cancelled")
	err := f.drive().Carry(ctx, loadOf("/cache/a.3mf", make([]byte, 8<<20)), func(sent, _ int64) {
		if sent > 1<<20 {
			cancel(why)
		}
	})
	if !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	if left := f.names(); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestTheSizeDecidesWhetherAFileArrived(t *testing.T) {
	t.Parallel()
	content := noise(200_000)
	for name, c := range map[string]struct {
		kept int
		said string
		want error
	}{
		"426 after everything":  {len(content), "426 truncated", nil},
		"426 and cut":           {107_926, "426 truncated", grove.Unavailable},
		"226 and cut":           {107_926, "226 Transfer complete.", grove.Unavailable},
		"452 after everything":  {len(content), "452 no space", grove.Unavailable},
		"226 and nothing there": {-1, "226 Transfer complete.", grove.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFTPD(t)
			f.stor = func(path string, data io.Reader) string {
				all, _ := io.ReadAll(data)
				if c.kept >= 0 {
					f.keep(path, all[:c.kept])
				}
				return c.said
			}
			err := f.drive().Carry(t.Context(), loadOf("/cache/a.3mf", content), quiet)
			if !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if _, there := f.file("/cache/a.3mf"); there != (c.want == nil) {
				t.Errorf("there: %v", there)
			}
		})
	}
}

func TestAFullOrForeignPrinterIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set    func(*ftpd, *DriveConfig)
		code   grove.Code
		reason string
		logins int
	}{
		"no room":        {func(f *ftpd, _ *DriveConfig) { f.free = "213 999" }, grove.Conflict, ReasonStorageFull, 1},
		"full meanwhile": {func(f *ftpd, _ *DriveConfig) { f.stor = func(string, io.Reader) string { return "552 full" } }, grove.Conflict, ReasonStorageFull, 2},
		"no card": {func(f *ftpd, _ *DriveConfig) {
			f.reply = func(command, _ string) string {
				if command == "STOR" || command == "MKD" {
					return "553 Could not create file."
				}
				return ""
			}
		}, grove.Conflict, ReasonStorageFull, 2},
		"another code":   {func(_ *ftpd, c *DriveConfig) { c.Code = "87654321" }, grove.Conflict, reasonRefused, 1},
		"no code at all": {func(_ *ftpd, c *DriveConfig) { c.Code = "1\r\nDELE /a" }, grove.Conflict, reasonRefused, 0},
		"another key":    {func(_ *ftpd, c *DriveConfig) { c.Trust.Pin = strings.Repeat("0", 64) }, grove.Conflict, ReasonStranger, 0},
		"another serial": {func(_ *ftpd, c *DriveConfig) { c.Trust.Serial = "01P00A000000002" }, grove.Conflict, "wrong_printer", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFTPD(t)
			d := f.drive(func(d *DriveConfig) { c.set(f, d) })
			refused(t, d.Carry(t.Context(), loadOf("/cache/a.3mf", noise(1000)), quiet), c.code, c.reason)
			if n := count(f.commands(), "USER bblp"); n != c.logins {
				t.Errorf("%d logins, want %d: %v", n, c.logins, f.commands())
			}
		})
	}
}

func TestAMissingFolderIsMade(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	delete(f.folders, "/cache")
	if err := f.drive().Carry(t.Context(), loadOf("/cache/a.3mf", noise(1000)), quiet); err != nil {
		t.Fatal(err)
	}
}

func TestOnlyWhoIsAllowedSendsInTheClear(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{false, true} {
		f := newFTPD(t)
		f.reply = func(command, argument string) string {
			if command == "PROT" {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.stor = f.take
				if argument == "P" { // the transfer comes, and is never said to be over
					f.stor = func(string, io.Reader) string { return "" }
				}
			}
			return ""
		}
		d := f.drive(func(c *DriveConfig) { c.ClearData, c.Patience = allowed, 100*time.Millisecond })
		err := d.Carry(t.Context(), loadOf("/cache/a.3mf", noise(1000)), quiet)
		if bare := slices.Contains(f.commands(), "PROT C"); bare != allowed || (err == nil) != allowed {
			t.Errorf("allowed %v: in the clear %v, %v", allowed, bare, err)
		}
		if !allowed {
			for _, words := range []string{"did not confirm a file that it took", "--lan-clear-files"} {
				if !strings.Contains(err.Error(), words) || !strings.Contains(manual(t, "hang"), "“"+words+"”") {
					t.Errorf("%q is not told, or not in the manual: %v", words, err)
				}
			}
		}
		if allowed {
			if err := d.Drop(t.Context(), "/cache/a.3mf"); err != nil || count(f.commands(), "PROT P") != 1 {
				t.Errorf("the way that works is forgotten (%v): %v", err, f.commands())
			}
		}
	}
}

// manual is what docs/printers.md says about a fault.
func manual(t *testing.T, fault string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/printers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, row, ok := strings.Cut(string(page), "\n| `"+fault+"` |")
	if !ok {
		t.Fatalf("docs/printers.md has no line for %s", fault)
	}
	row, _, _ = strings.Cut(row, "\n")
	return row
}

func TestAPrinterThatStandsStillIsGivenUp(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	ended := make(chan struct{})
	defer close(ended)
	f.stor = func(string, io.Reader) string { <-ended; return "" }
	d := f.drive(func(c *DriveConfig) { c.Stall, c.Patience = 50*time.Millisecond, 200*time.Millisecond })
	refused(t, d.Carry(t.Context(), loadOf("/cache/a.3mf", make([]byte, 64<<20)), quiet), grove.Unavailable, ReasonStorageAway)
}

func TestAHostilePrinterIsBounded(t *testing.T) {
	t.Parallel()
	line := "-rwx------    1 0        0               1 Oct 21 2020 "
	endless := func(text string) func(io.Writer) {
		return func(w io.Writer) {
			for {
				if _, err := io.WriteString(w, text); err != nil {
					return
				}
			}
		}
	}
	for name, set := range map[string]func(*ftpd){
		"endless listing": func(f *ftpd) { f.listing = endless(line + "a\r\n") },
		"one long line":   func(f *ftpd) { f.listing = endless("aaaaaaaaaaaaaaaa") },
		"many files": func(f *ftpd) {
			f.listing = func(w io.Writer) { _, _ = io.WriteString(w, strings.Repeat(line+"a\r\n", 20_000)) }
		},
		"an endless reply": func(f *ftpd) {
			f.reply = func(command, _ string) string {
				if command == "CWD" {
					return "250 " + strings.Repeat("a", 8<<20)
				}
				return ""
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFTPD(t)
			set(f)
			if list, err := f.drive().List(t.Context(), "/"); err == nil || len(list) > 0 {
				t.Errorf("%d entries, %v", len(list), err)
			}
		})
	}
	t.Run("hostile names", func(t *testing.T) {
		t.Parallel()
		f := newFTPD(t)
		f.listing = func(w io.Writer) {
			for _, name := range []string{
				"..", ".", "../../etc/passwd", "/etc/passwd", `..\x`, "a\x1b[2Jb", "a\rb", "a\x00b", "\xff\xfe", "a\u202egpj.exe", strings.Repeat("x", 300), "good one.mp4",
			} {
				fmt.Fprintf(w, "%s%s\n", line, name)
			}
			fmt.Fprint(w, "lrwxrwxrwx    1 0        0               1 Oct 21 2020 link -> /etc/passwd\nnonsense\n")
		}
		list, err := f.drive().List(t.Context(), "/timelapse")
		if err != nil || len(list) != 1 || list[0].Path != "/timelapse/good one.mp4" {
			t.Errorf("%+v, %v", list, err)
		}
	})
	t.Run("more than it said", func(t *testing.T) {
		t.Parallel()
		f := newFTPD(t)
		f.files["/big"] = noise(1 << 20)
		f.reply = func(command, _ string) string {
			if command == "SIZE" {
				return "213 1000"
			}
			return ""
		}
		var b bytes.Buffer
		if err := f.drive().Fetch(t.Context(), "/big", &b); err == nil || b.Len() > 1001 {
			t.Errorf("%d bytes, %v", b.Len(), err)
		}
	})
}

func TestWhatIsNoPathIsNeverSaid(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	d := f.drive()
	for _, p := range []string{"", "a", "/../a", "/a/../b", "/a/", "//a", "/a\r\nDELE /b", "/a\x00", "/\xff", "/" + strings.Repeat("a", 2000)} {
		_, listed := d.List(t.Context(), p)
		for _, err := range []error{listed, d.Drop(t.Context(), p), d.Fetch(t.Context(), p, io.Discard), d.Carry(t.Context(), loadOf(p, nil), quiet)} {
			refused(t, err, grove.Invalid, "bad_path")
		}
	}
	if said := f.commands(); len(said) > 0 {
		t.Errorf("said %v", said)
	}
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	t.Parallel()
	d := newFTPD(t).drive()
	_, err := d.List(t.Context(), "/nowhere")
	refused(t, err, grove.NotFound, ReasonNoEntry)
	refused(t, d.Fetch(t.Context(), "/nothing", io.Discard), grove.NotFound, ReasonNoEntry)
}

func TestAPrintsFileGoesFirst(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	f.files["/timelapse/long.mp4"] = make([]byte, 32<<20)
	d := f.drive()
	reading, result := &gate{seen: make(chan struct{}), open: make(chan struct{})}, make(chan error, 1)
	go func() { result <- d.Fetch(t.Context(), "/timelapse/long.mp4", reading) }()
	<-reading.seen // it stands still in the middle
	refused(t, d.Drop(t.Context(), "/cache/old.3mf"), grove.Conflict, grove.ReasonStorageBusy)
	carried := make(chan error, 1)
	go func() { carried <- d.Carry(t.Context(), loadOf("/cache/a.3mf", noise(1000)), quiet) }()
	for waits := false; !waits; runtime.Gosched() {
		d.mu.Lock()
		waits = d.urgent > 0
		d.mu.Unlock()
	}
	close(reading.open)
	refused(t, <-result, grove.Conflict, grove.ReasonStorageBusy)
	if err := <-carried; err != nil {
		t.Fatal(err)
	}
}

// gate is a reader who stands still at the first bytes until opened.
type gate struct {
	seen, open chan struct{}
	begun      sync.Once
}

// Write takes everything, late.
func (g *gate) Write(p []byte) (int, error) {
	g.begun.Do(func() { close(g.seen) })
	<-g.open
	return len(p), nil
}
