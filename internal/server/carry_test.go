package server

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/printfile/sample"
)

// stocked is a printer on the network whose starts are counted, and which belongs to
// the owner.
func (h *house) stocked(change ...func(*sim.Config)) (p *sim.Printer, starts func() []sim.Start) {
	h.t.Helper()
	book := filepath.Join(h.t.TempDir(), "ledger")
	file, err := os.OpenFile(book, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = file.Close() })
	p = h.onLAN(append([]func(*sim.Config){func(c *sim.Config) { c.Ledger = file }}, change...)...)
	in := request(p)
	in.FTPS = p.Ports().FTPS
	if _, err := h.client.AddPrinter(h.t.Context(), in); err != nil {
		h.t.Fatal(err)
	}
	h.connected(bench)
	return p, func() []sim.Start { return ledger(h.t, book) }
}

// uploadFor puts a sliced print for a model there, of at least so many bytes.
func (h *house) uploadFor(model string, size int) cloudapi.FileItem {
	h.t.Helper()
	body := sample.ThreeMF(sample.Model(model), sample.Layers(10), sample.Seconds(600))
	name := "Würfel №1.gcode.3mf"
	if size > 0 {
		body = sample.Gcode(sample.Layers(10), sample.Seconds(600))
		body = append(body, bytes.Repeat([]byte("; nothing is to be done here at all\n"), size/36)...)
		name = "long.gcode"
	}
	item, err := h.client.Upload(h.t.Context(), client.Upload{Name: name, Size: int64(len(body)), Body: bytes.NewReader(body)})
	if err != nil {
		h.t.Fatal(err)
	}
	return item
}

// brought are the files of jobs that lie on the printer.
func (h *house) brought() []grove.StorageEntry {
	h.t.Helper()
	var list []grove.StorageEntry
	until(h.t, "the printer's storage is free", func() (free bool) {
		var err error
		if list, err = h.client.StorageFiles(h.t.Context(), bench, "/cache"); err != nil && !grove.HasReason(err, grove.ReasonStorageBusy) {
			h.t.Fatal(err)
		}
		return err == nil
	})
	return list
}

// swept waits until a job's file is deleted and forgotten.
func (h *house) swept(id int64) {
	h.t.Helper()
	until(h.t, "the file is deleted", func() bool {
		j, err := h.client.Job(h.t.Context(), id)
		return err == nil && j.RemotePath == ""
	})
	if left := h.brought(); len(left) > 0 {
		h.t.Errorf("left on the printer: %+v", left)
	}
}

func (h *house) becomes(id int64, state grove.JobState) {
	h.t.Helper()
	until(h.t, fmt.Sprintf("job %d is %s", id, state), func() bool {
		j, err := h.client.Job(h.t.Context(), id)
		return err == nil && j.State == state
	})
}

func TestAPrintOnTheNetworkIsBroughtStartedOnceAndTidied(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"P1S", "A1", "X1C", "P2S", "H2S"} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			h := owned(t, lanConfig(t))
			_, starts := h.stocked(func(c *sim.Config) { c.Model = model })
			live := h.shownLive()
			id := h.print(h.uploadFor(live.Model, 0).FileID)
			if j := h.ends(id); j.State != grove.Finished {
				t.Fatalf("job %s: %s", j.State, j.Why)
			}
			all := starts()
			if len(all) != 1 || !all[0].PlateClear || !strings.HasPrefix(all[0].File, "W_rfel_1_") {
				t.Errorf("started %+v", all)
			}
			h.swept(id)
		})
	}
}

// R13: what a power cut makes a printer begin by itself lies in its root, where
// nothing of Grove ever is.
func TestAPowerCutStartsNothingOfOurs(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p, starts := h.stocked(func(c *sim.Config) { c.Faults.Autostart = true })
	wrong(t, p, func(f *sim.Faults) { f.Files.LateEndSeconds = 1 })
	id := h.print(h.uploadFor("C12", 0).FileID)
	h.becomes(id, grove.Uploading)
	until(t, "the file is there", func() bool {
		j, err := h.client.Job(t.Context(), id)
		return err == nil && j.Percent == 100
	})
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = true })
	until(t, "it is away", func() bool { return h.links() == 0 })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff, f.Files.LateEndSeconds = false, 0 })
	h.connected(bench)
	if j := h.ends(id); j.State == grove.Unknown {
		t.Errorf("job %s: %s", j.State, j.Why)
	}
	for _, s := range starts() {
		if s.TaskID != strconv.FormatInt(id, 10) {
			t.Errorf("it began %+v by itself", s)
		}
	}
	if n := len(starts()); n > 1 {
		t.Errorf("started %d times", n)
	}
}

func TestACancelledUploadLeavesNothingOnThePrinter(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p, starts := h.stocked()
	wrong(t, p, func(f *sim.Faults) { f.Files.BytesPerSecond = 400_000 })
	id := h.print(h.uploadFor("", 2<<20).FileID)
	until(t, "some of it is there", func() bool {
		j, err := h.client.Job(t.Context(), id)
		return err == nil && j.State == grove.Uploading && j.Percent > 0
	})
	if _, err := h.client.CancelJob(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	h.swept(id)
	if j := h.ends(id); j.State != grove.Cancelled || len(starts()) > 0 {
		t.Errorf("job %s, %d starts", j.State, len(starts()))
	}
}

func TestAServerThatStopsInAnUploadStartsOnceAfter(t *testing.T) {
	t.Parallel()
	c := lanConfig(t)
	h := owned(t, c)
	p, starts := h.stocked()
	wrong(t, p, func(f *sim.Faults) { f.Files.BytesPerSecond = 400_000 })
	id := h.print(h.uploadFor("", 2<<20).FileID)
	until(t, "some of it is there", func() bool {
		j, err := h.client.Job(t.Context(), id)
		return err == nil && j.State == grove.Uploading && j.Percent > 0
	})
	h.stop()
	wrong(t, p, func(f *sim.Faults) { f.Files.BytesPerSecond = 0 })
	h = owned(t, c)
	if j := h.ends(id); j.State != grove.Finished || len(starts()) != 1 {
		t.Errorf("job %s (%s), %d starts", j.State, j.Why, len(starts()))
	}
	h.swept(id)
}

func TestWhatIsSaidWhenAFileDoesNotReachThePrinter(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault func(*sim.Faults)
		says  string
	}{
		"cut off": {func(f *sim.Faults) { f.Files.CutAfterBytes = 100_000 }, "connection broke"},
		"no card": {func(f *sim.Faults) { f.NoCard = true }, "card or stick"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := owned(t, lanConfig(t))
			p, starts := h.stocked()
			wrong(t, p, c.fault)
			id := h.print(h.uploadFor("", 1<<20).FileID)
			j := h.ends(id)
			if j.State != grove.Failed || j.Failure != grove.ReasonUploadFailed || !strings.Contains(j.Why, c.says) || len(starts()) > 0 {
				t.Errorf("job %s (%s): %s; %d starts", j.State, j.Failure, j.Why, len(starts()))
			}
		})
	}
}

func TestAPrintersTimelapsesAreListedAndFetched(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	h.stocked()
	body := h.uploadFor("C12", 0)
	started, err := h.client.Print(t.Context(), cloudapi.PrintRequest{DeviceID: bench, FileID: body.FileID, Options: &grove.Options{Timelapse: true}})
	if err != nil {
		t.Fatal(err)
	}
	var id int64
	if _, err := fmt.Sscan(started.JobID, &id); err != nil {
		t.Fatal(err)
	}
	h.ends(id)
	var films []grove.StorageEntry
	until(t, "a timelapse is there", func() bool {
		films, err = h.client.StorageFiles(t.Context(), bench, "/timelapse")
		return err == nil && len(films) > 0 && films[0].SizeBytes > 0 // it appears before all of it is written
	})
	var film bytes.Buffer
	n, err := h.client.StorageFile(t.Context(), bench, films[0].Path, &film)
	if err != nil || n != films[0].SizeBytes || n == 0 {
		t.Errorf("fetched %d bytes of %+v: %v", n, films[0], err)
	}
}
