package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/queue"
)

func fleetChange(tags []string) fleet.Change { return fleet.Change{Tags: &tags} }

func TestAJobStartsNoSoonerThanAsked(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.leave("off") // who asks for later need not have switched it on yet
		at := time.Now().Add(time.Hour)
		s := queue.Submission{Serial: serial, FileID: "f_1", NotBefore: at}
		j := h.make(s, 1)[0]
		loose := wish(grove.Criteria{})
		loose.NotBefore = at.Add(time.Minute)
		other := h.make(loose, 1)[0]
		if !j.ExpiresAt.Equal(at.Add(life)) || !strings.Contains(j.Why, "waits until") {
			t.Errorf("expires at %s, why %q", j.ExpiresAt, j.Why)
		}
		h.arrive()
		pass(time.Hour - time.Minute) // longer than a job may wait otherwise
		h.want(j.ID, grove.Queued)
		pass(2 * time.Minute)
		h.want(j.ID, grove.Accepted)
		h.want(other.ID, grove.Queued)
		pass(life)
		h.want(other.ID, grove.Expired)
		s.NotBefore = time.Now().Add(31 * 24 * time.Hour)
		if _, err := h.queue.Submit(t.Context(), h.actor, s); !grove.HasReason(err, "bad_not_before") {
			t.Errorf("a month ahead: %v", err)
		}
		s.NotBefore = time.Now().Add(-time.Hour)
		if past := h.make(s, 1)[0]; !past.NotBefore.IsZero() {
			t.Errorf("a time that has passed was kept: %s", past.NotBefore)
		}
	})
}

func TestCopiesAreBounded(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		for _, n := range []int{-1, 0, 101} {
			if _, err := h.queue.SubmitCopies(t.Context(), h.actor, queue.Submission{Serial: serial, FileID: "f_1"}, n); !grove.HasReason(err, "bad_copies") {
				t.Errorf("%d copies: %v", n, err)
			}
		}
		if n := len(h.make(queue.Submission{Serial: serial, FileID: "f_1"}, 100)); n != 100 {
			t.Errorf("%d jobs", n)
		}
	})
}

func TestAQueuedJobIsEdited(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates = append(h.file.Plates, grove.Plate{
			Index: 2, EstimateSeconds: 90, WeightGrams: 5, Filaments: []grove.Filament{{ID: 1, Type: "PLA", Grams: 5, Meters: 2}},
		})
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		h.more(hall, "Hall", "P1S").becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		edit := func(e queue.Edit) grove.Job {
			t.Helper()
			got, err := h.queue.Edit(t.Context(), h.actor, j.ID, e)
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return got
		}
		plate, there := 2, hall
		if got := edit(queue.Edit{Plate: &plate}); got.Plate != 2 || got.EstimateSeconds != 90 || got.WeightGrams != 5 || got.LengthMeters != 2 || len(got.Filaments) != 1 {
			t.Errorf("plate: %+v", got)
		}
		if got := edit(queue.Edit{Options: &grove.Options{Timelapse: true}}); !got.Options.Timelapse || got.Plate != 2 {
			t.Errorf("options: %+v", got)
		}
		if got := edit(queue.Edit{Any: &grove.Criteria{Models: []string{"p1s"}}}); got.Serial != "" || !slices.Equal(got.Any.Models, []string{"C12"}) {
			t.Errorf("any: %q %+v", got.Serial, got.Any)
		}
		later := time.Now().Add(time.Hour)
		if got := edit(queue.Edit{Serial: &there, NotBefore: &later}); got.Serial != hall || got.Any != nil || !got.ExpiresAt.Equal(later.Add(life)) {
			t.Errorf("printer: %+v", got)
		}
		if events := h.events(); strings.Count(strings.Join(events, " "), string(grove.JobChanged)) != 4 {
			t.Errorf("told of four edits: %v", events)
		}
		plate = 7
		if _, err := h.queue.Edit(t.Context(), h.actor, j.ID, queue.Edit{Plate: &plate}); !grove.HasReason(err, grove.ReasonPrintFailed) {
			t.Errorf("a plate that is none: %v", err)
		}
		nobodys := "01P00A00000000X"
		if _, err := h.queue.Edit(t.Context(), h.actor, j.ID, queue.Edit{Serial: &nobodys}); !errors.Is(err, grove.NotFound) {
			t.Errorf("a printer of nobody: %v", err)
		}
	})
}

// Who edits says what shall be of what they saw; what somebody else made of it meanwhile
// is not theirs to undo.
func TestOfTwoEditsAtOnceNoneUndoesTheOther(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates = append(h.file.Plates, grove.Plate{Index: 2, EstimateSeconds: 90})
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		h.more(hall, "Hall", "P1S").becomes(map[string]any{"gcode_state": "RUNNING"})
		plate, here, there, later := 2, serial, hall, time.Now().Add(time.Minute)
		for name, first := range map[string]queue.Edit{
			"plate":   {Plate: &plate},
			"options": {Options: &grove.Options{Timelapse: true}},
			"printer": {Serial: &there},
			"any":     {Any: &grove.Criteria{Printers: []string{serial}}},
			"time":    {NotBefore: &later},
		} {
			j := h.submit()
			var want grove.Job
			meanwhile := func() {
				var err error
				if want, err = h.queue.Edit(t.Context(), h.actor, j.ID, first); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			h.sick.looking.Store(&meanwhile)
			second := queue.Edit{Serial: &here, Options: &grove.Options{BedLeveling: true}}
			if _, err := h.queue.Edit(t.Context(), h.actor, j.ID, second); !errors.Is(err, grove.Conflict) || !grove.HasReason(err, "job_changed") {
				t.Errorf("%s: the later edit: %v", name, err)
			}
			synctest.Wait()
			got, err := h.queue.Job(t.Context(), h.actor, j.ID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(grove.Job{}, "Why", "Waits", "Version")); diff != "" {
				t.Errorf("%s: not as the earlier edit left it: %s", name, diff)
			}
			if _, err := h.queue.Edit(t.Context(), h.actor, j.ID, second); err != nil {
				t.Errorf("%s: once more: %v", name, err)
			}
		}
	})
}

// A page may have been open for long: what it shows is not what its change would undo.
func TestAnEditOfWhatIsNoLongerSoIsRefused(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		seen := j.Revision
		pass(time.Minute) // why it waits is another by then, which is no change of what is asked
		edit := func(revision string, options grove.Options) (grove.Job, error) {
			return h.queue.Edit(t.Context(), h.actor, j.ID, queue.Edit{Revision: revision, Options: &options})
		}
		after, err := edit(seen, grove.Options{Timelapse: true})
		if err != nil || after.Revision == "" || after.Revision == seen {
			t.Fatalf("revision %q after %q, %v", after.Revision, seen, err)
		}
		if _, err := edit(seen, grove.Options{FlowCali: true}); !errors.Is(err, grove.Conflict) || !grove.HasReason(err, "job_changed") {
			t.Errorf("of what it was before: %v", err)
		}
		if got := h.job(j.ID).Options; !got.Timelapse || got.FlowCali {
			t.Errorf("the options are %+v", got)
		}
		list, err := h.queue.Jobs(t.Context(), h.actor, grove.JobQuery{}, grove.Page{Limit: 1})
		if err != nil || list.Items[0].Revision != after.Revision {
			t.Errorf("the list tells %q, not %q: %v", list.Items[0].Revision, after.Revision, err)
		}
		if _, err := edit(after.Revision, grove.Options{FlowCali: true}); err != nil {
			t.Errorf("of what it is: %v", err)
		}
		if _, err := edit("", grove.Options{}); err != nil {
			t.Errorf("of whatever it is: %v", err)
		}
	})
}

func TestAClaimedJobIsNotEdited(t *testing.T) {
	carried(t, func(t *testing.T, h *house, _ *stick) {
		j := h.make(wish(grove.Criteria{}), 1)[0]
		h.want(j.ID, grove.Uploading)
		plate := 1
		_, err := h.queue.Edit(t.Context(), h.actor, j.ID, queue.Edit{Plate: &plate})
		if !errors.Is(err, grove.Conflict) || !grove.HasReason(err, "job_state") {
			t.Errorf("got %v", err)
		}
		pass(2 * time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}

func TestAReprintIsTheSameAgain(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates[0].Filaments = []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF"}}
		h.m.becomes(loaded("PLA", "FF0000FF"))
		s := wish(grove.Criteria{Tags: nil, Material: true})
		s.Options = grove.Options{UseAMS: true, Timelapse: true}
		s.Title = "Bracket"
		j := h.make(s, 1)[0]
		h.want(j.ID, grove.Accepted)
		again, err := h.queue.Reprint(t.Context(), h.actor, j.ID)
		if err != nil {
			t.Fatal(err)
		}
		if again.ID == j.ID || again.FileName != "Bracket" || again.Serial != "" || again.Any == nil || !again.Any.Material ||
			again.Options.AutoMapped || again.Options.AMSMapping != nil || !again.Options.UseAMS || !again.Options.Timelapse || again.Plate != j.Plate {
			t.Errorf("%+v, options %+v", again, again.Options)
		}
		mapped := queue.Submission{Serial: serial, FileID: "f_1", Options: grove.Options{UseAMS: true, AMSMapping: []int{0}}}
		second, err := h.queue.Reprint(t.Context(), h.actor, h.make(mapped, 1)[0].ID)
		if err != nil || second.Serial != serial || !slices.Equal(second.Options.AMSMapping, []int{0}) {
			t.Errorf("%+v, %v", second, err)
		}
		note, err := h.queue.Note(t.Context(), h.actor, queue.Submission{Serial: serial, Title: "x", Mode: "lan_file"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.queue.Reprint(t.Context(), h.actor, note.ID); !grove.HasReason(err, grove.ReasonPrintFailed) {
			t.Errorf("without a file: %v", err)
		}
	})
}

func TestFiguresCountWhatEnded(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates[0].WeightGrams = 7
		h.file.Plates[0].Filaments = []grove.Filament{{ID: 1, Type: "PLA", Grams: 5, Meters: 2}, {ID: 2, Type: "PETG", Grams: 1.5, Meters: 0.5}, {ID: 3, Type: "PLA", Grams: 0.5}}
		for _, end := range []string{"FINISH", "FINISH", "FAILED"} {
			j := h.submit()
			h.want(j.ID, grove.Accepted)
			h.m.prints("RUNNING")
			pass(time.Minute)
			h.m.prints(end)
			if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
				t.Fatal(err)
			}
		}
		h.leave("off")
		j, err := h.queue.Submit(t.Context(), h.actor, wish(grove.Criteria{}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.queue.Note(t.Context(), h.actor, queue.Submission{Serial: serial, Title: "x", Mode: "lan_file"}); err != nil {
			t.Fatal(err)
		}
		f, err := h.queue.Figures(t.Context(), h.actor, grove.JobQuery{})
		if err != nil {
			t.Fatal(err)
		}
		if f.Finished != 2 || f.Failed != 1 || f.Cancelled != 1 || f.SuccessRate == nil || fmt.Sprintf("%.3f", *f.SuccessRate) != "0.667" ||
			f.PrintSeconds != 180 || f.Grams != 14 || f.Meters != 5 {
			t.Errorf("%+v", f.JobTally)
		}
		if want := []grove.MaterialTally{{Type: "PETG", Prints: 2, Grams: 3, Meters: 1}, {Type: "PLA", Prints: 2, Grams: 11, Meters: 4}}; !slices.Equal(f.Materials, want) {
			t.Errorf("%+v, want %+v", f.Materials, want)
		}
		if len(f.Printers) != 2 || f.Printers[0].Serial != "" || f.Printers[0].Cancelled != 1 || f.Printers[0].SuccessRate != nil || f.Printers[1].Name != "Bench" || f.Printers[1].Finished != 2 {
			t.Errorf("%+v", f.Printers)
		}
		none, err := h.queue.Figures(t.Context(), h.actor, grove.JobQuery{From: time.Now().Add(time.Hour)})
		if err != nil || none.Finished != 0 || none.SuccessRate != nil || none.Printers == nil || none.Materials == nil {
			t.Errorf("%+v, %v", none, err)
		}
	})
}
