package queue_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/queue"
)

// stick is the storage of a machine whose link carries files there.
type stick struct {
	*machine

	mu      sync.Mutex
	files   map[string]int64
	lasts   time.Duration // how long an upload takes
	broken  error         // what uploads end with
	sticky  bool          // what breaks off stays there
	stuck   error         // what deletions end with
	uploads int
	drops   int
}

// Berth is the same each time.
func (*stick) Berth(job int64, name string) grove.Berth {
	p := fmt.Sprintf("/cache/%d_%s", job, name)
	return grove.Berth{Path: p, URL: "ftp://" + p}
}

// Carry takes its time and reads all there is.
func (s *stick) Carry(ctx context.Context, l grove.Load, told func(sent, total int64)) error {
	s.mu.Lock()
	s.uploads++
	s.files[l.Path] = l.Size / 2
	broken, sticky := s.broken, s.sticky
	s.mu.Unlock()
	told(l.Size/2, l.Size)
	content, err := l.Open(ctx)
	if err != nil {
		return err
	}
	defer content.Close()
	if n, err := io.Copy(io.Discard, content); err != nil || n != l.Size {
		return fmt.Errorf("%d of %d bytes: %w", n, l.Size, err)
	}
	if s.lasts > 0 {
		select {
		case <-ctx.Done():
			broken = context.Cause(ctx)
		case <-time.After(s.lasts):
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case broken == nil:
		s.files[l.Path] = l.Size
	case !sticky:
		delete(s.files, l.Path)
	}
	return broken
}

// Drop deletes.
func (s *stick) Drop(_ context.Context, path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops++
	if s.stuck == nil {
		delete(s.files, path)
	}
	return s.stuck
}

func (s *stick) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.files)
}

// tried is how many deletions were asked for.
func (s *stick) tried() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drops
}

func (s *stick) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// carried is live with a printer on the LAN: its link carries.
func carried(t *testing.T, test func(t *testing.T, h *house, s *stick)) {
	t.Helper()
	live(t, func(t *testing.T, h *house) {
		h.leave("moved to the LAN")
		s := &stick{machine: h.m, files: map[string]int64{}, lasts: 90 * time.Second}
		h.plug(s)
		test(t, h, s)
	})
}

// plug connects the machine by a link that carries.
func (h *house) plug(s *stick) {
	h.leave = h.fleet.Attach(serial, s)
	synctest.Wait()
}

// swept wants nothing on the stick and nothing remembered of it.
func (h *house) swept(s *stick, id int64) {
	h.t.Helper()
	if n := s.count(); n > 0 {
		h.t.Errorf("%d files left on the printer", n)
	}
	if p := h.job(id).RemotePath; p != "" {
		h.t.Errorf("still remembered: %s", p)
	}
}

func TestAFileIsOnThePrinterBeforeThePrintStarts(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		j := h.submit()
		pass(time.Minute)
		h.want(j.ID, grove.Uploading)
		path := h.job(j.ID).RemotePath
		if path != fmt.Sprintf("/cache/%d_cube.gcode.3mf", j.ID) {
			t.Errorf("remembered while it goes: %q", path)
		}
		if seen, err := h.queue.Job(t.Context(), h.actor, j.ID); err != nil || seen.Percent != 50 {
			t.Errorf("told %d %%: %v", seen.Percent, err)
		}
		if h.m.started() != 0 {
			t.Fatal("started while the file was on its way")
		}
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
		start := h.m.starts[0]
		if start["url"] != "ftp://"+path || start["file"] != strings.TrimPrefix(path, "/cache/") || start["md5"] != "AB" {
			t.Errorf("start %v", start)
		}
		h.m.prints("RUNNING")
		pass(5 * time.Minute)
		if s.count() != 1 {
			t.Error("the file is gone while it is printed")
		}
		h.m.prints("FINISH")
		pass(time.Minute)
		h.want(j.ID, grove.Finished)
		h.swept(s, j.ID)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.uploads != 1 || s.drops != 1 {
			t.Errorf("%d uploads, %d deletions", s.uploads, s.drops)
		}
	})
}

// R18: a job is claimed before its file goes, and who changes it meanwhile is heard.
func TestCancellingAnUploadEndsIt(t *testing.T) {
	for _, sticky := range []bool{false, true} {
		carried(t, func(t *testing.T, h *house, s *stick) {
			s.sticky = sticky
			j := h.submit()
			pass(time.Minute)
			h.want(j.ID, grove.Uploading)
			if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); !errors.Is(err, grove.Conflict) {
				t.Errorf("cancelled twice: %v", err)
			}
			pass(2 * time.Minute)
			h.want(j.ID, grove.Cancelled)
			h.swept(s, j.ID)
			if h.m.started() != 0 || h.m.stopped() != 0 {
				t.Errorf("%d starts, %d stops", h.m.started(), h.m.stopped())
			}
		})
	}
}

func TestACrashDuringAnUploadLeavesNothingAndStartsOnce(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		s.sticky = true
		j := h.submit()
		pass(time.Minute)
		h.want(j.ID, grove.Uploading)
		h.stop()
		if s.count() != 1 {
			t.Fatal("nothing to clear up")
		}
		h.open()
		h.run()
		pass(time.Second)
		h.want(j.ID, grove.Queued)
		h.plug(s)
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"}) // so that it can't begin yet
		pass(2 * time.Minute)
		h.want(j.ID, grove.Queued)
		h.swept(s, j.ID)
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Minute)
		h.want(j.ID, grove.Accepted)
		if h.m.started() != 1 {
			t.Errorf("started %d times", h.m.started())
		}
	})
}

// R16: what was true before an upload of minutes is asked again after it.
func TestAPrinterThatChangedDuringTheUploadIsNotStarted(t *testing.T) {
	for name, change := range map[string]func(h *house){
		"busy": func(h *house) { h.m.becomes(map[string]any{"gcode_state": "RUNNING"}) },
		"plate used": func(h *house) {
			h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
			h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		},
		"fatal": func(h *house) {
			h.m.becomes(map[string]any{"hms": []map[string]any{{"attr": 0x03000100, "code": 0x00010001}}})
		},
		"deaf":   func(h *house) { h.m.mu.Lock(); h.m.deaf = true; h.m.mu.Unlock() },
		"nozzle": func(h *house) { h.m.becomes(map[string]any{"nozzle_diameter": "0.8"}) },
	} {
		t.Run(name, func(t *testing.T) {
			carried(t, func(t *testing.T, h *house, _ *stick) {
				h.file.Plates[0].NozzleDiameter = 0.4
				j := h.submit()
				pass(time.Minute)
				h.want(j.ID, grove.Uploading)
				change(h)
				pass(4 * time.Minute)
				if h.m.started() != 0 {
					t.Fatal("started")
				}
				h.want(j.ID, grove.Queued)
				if h.job(j.ID).Why == "" {
					t.Error("it does not say why it waits")
				}
			})
		})
	}
}

// R2: the deadline counts the upload, which has its own time by its size.
func TestAnUploadThatTakesTooLongExpires(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		h.file.SizeBytes = 5 * 60 * grove.CarryBytesPerSecond // five minutes more
		s.lasts = time.Hour
		j := h.submit()
		pass(14 * time.Minute)
		h.want(j.ID, grove.Uploading)
		pass(2 * time.Minute)
		h.want(j.ID, grove.Expired)
		pass(time.Minute)
		h.swept(s, j.ID)
		if h.m.started() != 0 {
			t.Error("started")
		}
	})
}

func TestWhatBecomesOfAJobWhoseFileDoesNotArrive(t *testing.T) {
	full := grove.Errorf(grove.Conflict, "storage_full", "the storage is full")
	carried(t, func(t *testing.T, h *house, s *stick) {
		s.broken = full
		j := h.submit()
		pass(2 * time.Minute)
		h.want(j.ID, grove.Failed)
		if got := h.job(j.ID); got.Failure != grove.ReasonUploadFailed || !strings.Contains(got.Why, "full") {
			t.Errorf("failed by %q: %s", got.Failure, got.Why)
		}
		if p, err := h.db.Printer(t.Context(), serial); err != nil || !p.PlateClear {
			t.Errorf("the plate is taken (%v)", err)
		}
		h.swept(s, j.ID)
	})
	carried(t, func(_ *testing.T, h *house, s *stick) { // away: it waits
		s.broken = full
		j := h.submit()
		pass(time.Minute)
		h.leave("switched off")
		pass(2 * time.Minute)
		h.want(j.ID, grove.Queued)
		s.set(func() { s.broken = nil })
		h.plug(s)
		pass(3 * time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}

// way is what was told of a job, by its events' statuses.
func (h *house) way(id int64) string {
	h.t.Helper()
	list, err := h.db.Events(h.t.Context(), h.actor.UserID, 0, 100)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	for _, e := range list {
		if e.Data.JobID == (&grove.Job{ID: id}).TaskID() && strings.HasPrefix(string(e.Type), "job.") {
			out = append(out, e.Data.Status)
		}
	}
	return strings.Join(out, " ")
}

func TestAJobIsToldOnItsWayToThePrinterAndBack(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		s.broken = grove.Errorf(grove.Conflict, "storage_full", "the storage is full")
		j := h.submit()
		pass(time.Minute)
		if way := h.way(j.ID); way != "queued uploading" {
			t.Errorf("while its file is brought, told of %s", way)
		}
		h.leave("switched off")
		pass(90 * time.Second)
		if way := h.way(j.ID); !strings.HasPrefix(way, "queued uploading waiting") {
			t.Errorf("of a printer that went away, told of %s", way)
		}
		s.set(func() { s.broken = nil })
		h.plug(s)
		pass(3 * time.Minute)
		h.m.prints("RUNNING")
		if way := h.way(j.ID); !strings.HasSuffix(way, "waiting uploading sending accepted running") {
			t.Errorf("at last told of %s", way)
		}
	})
	live(t, func(t *testing.T, h *house) { // which fetches its file itself
		j := h.submit()
		h.m.prints("RUNNING")
		if way := h.way(j.ID); way != "queued sending accepted running" {
			t.Errorf("told of %s", way)
		}
	})
}

// R13: what was uploaded is deleted, tried again while the printer is there, and
// somebody is told when that does not work for long.
func TestAFileThatCannotBeDeletedIsTriedAgainAndTold(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		j := h.submit()
		pass(2 * time.Minute)
		h.m.prints("RUNNING")
		s.set(func() { s.stuck = errDown })
		h.m.prints("FINISH")
		told := func() int {
			return len(slices.DeleteFunc(h.events(), func(e string) bool { return e != string(grove.StorageLeft) }))
		}
		pass(9 * time.Minute)
		if n := s.tried(); told() != 0 || n < 10 || n > 13 {
			t.Errorf("after 9 min: told %d times, tried %d times", told(), n)
		}
		pass(20 * time.Minute)
		if told() != 1 {
			t.Errorf("told %d times", told())
		}
		h.leave("off")
		before := s.tried()
		pass(20 * time.Minute)
		if s.tried() != before {
			t.Error("tried while the printer was away")
		}
		h.stop()
		h.open()
		h.run()
		h.plug(s)
		pass(20 * time.Minute)
		if told() != 1 {
			t.Errorf("told %d times after a restart", told())
		}
		s.set(func() { s.stuck = nil })
		pass(2 * time.Minute)
		h.swept(s, j.ID)
	})
}

// R15: printers have been seen to show the last print as finished for 210 s after they
// accepted a start.
func TestAPrinterThatShowsTheLastPrintForMinutesIsStartedOnce(t *testing.T) {
	carried(t, func(t *testing.T, h *house, _ *stick) {
		j, second := h.submit(), h.submit()
		pass(2 * time.Minute)
		h.want(j.ID, grove.Accepted)
		for range 7 {
			h.m.becomes(map[string]any{"gcode_state": "FINISH", "task_id": "12", "subtask_id": "34"})
			if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); !errors.Is(err, grove.Conflict) {
				t.Errorf("the plate was confirmed: %v", err)
			}
			pass(30 * time.Second)
		}
		h.want(second.ID, grove.Queued)
		if h.m.started() != 1 {
			t.Fatalf("started %d times", h.m.started())
		}
		h.m.prints("RUNNING")
		h.want(j.ID, grove.Running)
	})
}

// R14: an unknown start keeps its file: it may be printing.
func TestAnUnknownStartKeepsItsFile(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		h.m.mute = true
		j := h.submit()
		pass(2 * time.Minute)
		h.m.becomes(map[string]any{"gcode_state": "PREPARE"}) // of what, it does not say
		pass(20 * time.Minute)
		h.want(j.ID, grove.Unknown)
		if s.count() != 1 || h.m.started() != 1 {
			t.Errorf("%d files, %d starts", s.count(), h.m.started())
		}
		if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, grove.Failed); err != nil {
			t.Fatal(err)
		}
		pass(2 * time.Minute)
		h.swept(s, j.ID)
	})
}

func TestAnUploadKeepsNobodyElseWaiting(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		s.lasts = 9 * time.Minute
		first := h.submit()
		second, err := h.queue.Submit(t.Context(), h.actor, queue.Submission{Serial: serial, FileID: "f_1"})
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		h.want(first.ID, grove.Uploading)
		h.want(second.ID, grove.Queued)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := h.queue.Cancel(ctx, h.actor, second.ID); err != nil { // no transaction is open meanwhile
			t.Fatal(err)
		}
		h.want(second.ID, grove.Cancelled)
	})
}

func TestFilamentsFindTheirTrays(t *testing.T) {
	carried(t, func(t *testing.T, h *house, _ *stick) {
		h.file.Plates[0].Filaments = []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF"}, {ID: 3, Type: "PETG", Color: "00FF00FF"}}
		tray := func(id, kind, color string) any {
			return map[string]any{"id": id, "tray_type": kind, "tray_color": color}
		}
		loads := func(trays ...any) {
			h.m.becomes(map[string]any{"ams": map[string]any{"ams": []any{map[string]any{"id": "0", "tray": trays}}}})
		}
		black, red := tray("0", "PLA", "000000FF"), tray("1", "PLA", "F00010FF")
		loads(black, red)
		j, err := h.queue.Submit(t.Context(), h.actor, queue.Submission{Serial: serial, FileID: "f_1", Options: grove.Options{UseAMS: true}})
		if err != nil {
			t.Fatal(err)
		}
		pass(3 * time.Minute)
		h.want(j.ID, grove.Queued)
		if why := h.job(j.ID).Why; !strings.Contains(why, "PETG") || !strings.Contains(why, "filament 3") {
			t.Errorf("waits for %q", why)
		}
		loads(black, red, tray("2", "PETG", "FFFFFFFF"))
		pass(3 * time.Minute)
		h.want(j.ID, grove.Accepted)
		start := h.m.starts[0]
		if got := fmt.Sprint(start["ams_mapping"], start["use_ams"]); got != "[1 -1 2] true" {
			t.Errorf("started with %s", got)
		}
		if got := h.job(j.ID).Options.AMSMapping; !slices.Equal(got, []int{1, -1, 2}) {
			t.Errorf("remembered %v", got)
		}
	})
}

// R13: neither a printer that comes and goes nor one that is always busy keeps the
// alarm away.
func TestAFileThatStaysIsToldThoughThePrinterFlapsOrIsBusy(t *testing.T) {
	for name, stuck := range map[string]error{"flaps": errDown, "busy": grove.Errorf(grove.Conflict, grove.ReasonStorageBusy, "busy")} {
		t.Run(name, func(t *testing.T) {
			carried(t, func(t *testing.T, h *house, s *stick) {
				h.submit()
				pass(2 * time.Minute)
				h.m.prints("RUNNING")
				s.set(func() { s.stuck = stuck })
				h.m.prints("FINISH")
				for range 6 {
					pass(2 * time.Minute)
					if name == "flaps" {
						h.leave("off")
						pass(time.Minute)
						h.plug(s)
					}
				}
				pass(2 * time.Minute)
				if !slices.Contains(h.events(), string(grove.StorageLeft)) {
					t.Error("nobody was told")
				}
			})
		})
	}
}
