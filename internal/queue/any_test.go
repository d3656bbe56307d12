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
	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/queue"
)

const hall = "01P00A000000002"

// wish is a submission of whichever printer meets the criteria.
func wish(c grove.Criteria) queue.Submission { return queue.Submission{Any: &c, FileID: "f_1"} }

func (h *house) make(s queue.Submission, copies int) []grove.Job {
	h.t.Helper()
	jobs, err := h.queue.SubmitCopies(h.t.Context(), h.actor, s, copies)
	if err != nil {
		h.t.Fatal(err)
	}
	synctest.Wait()
	return jobs
}

func (h *house) fits(id int64) map[string]grove.Fit {
	h.t.Helper()
	list, err := h.queue.Fits(h.t.Context(), h.actor, id)
	if err != nil {
		h.t.Fatal(err)
	}
	all := map[string]grove.Fit{}
	for _, f := range list {
		all[f.Serial] = f
	}
	return all
}

func reasons(f grove.Fit) string {
	words := []string{}
	for _, m := range f.Misfits {
		words = append(words, m.Reason)
	}
	return strings.Join(words, " ")
}

func (h *house) tag(serial string, tags ...string) {
	h.t.Helper()
	if _, err := h.fleet.Change(h.t.Context(), h.actor, serial, fleetChange(tags)); err != nil {
		h.t.Fatal(err)
	}
}

func TestAJobOfAnyPrinterTakesOneThatIsFree(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		second := h.more(hall, "Hall", "P1S")
		j := h.make(wish(grove.Criteria{}), 1)[0]
		if j.Serial != "" || j.State != grove.Queued {
			t.Errorf("made with printer %q, %s", j.Serial, j.State)
		}
		h.want(j.ID, grove.Accepted)
		if got := h.job(j.ID); got.Serial != hall || h.m.started() != 0 || second.started() != 1 {
			t.Errorf("printer %q, started %d and %d", got.Serial, h.m.started(), second.started())
		}
		second.prints("RUNNING")
		second.prints("FINISH")
		h.want(j.ID, grove.Finished)
	})
}

func TestEachCopyTakesAPrinterOfItsOwn(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		second := h.more(hall, "Hall", "P1S")
		jobs := h.make(wish(grove.Criteria{}), 3)
		if h.m.started() != 1 || second.started() != 1 {
			t.Fatalf("started %d and %d", h.m.started(), second.started())
		}
		left := h.job(jobs[2].ID)
		if left.State != grove.Queued || left.Serial != "" || !strings.Contains(left.Why, "until a printer that fits is free") {
			t.Errorf("the third is %s on %q: %s", left.State, left.Serial, left.Why)
		}
		if waits := h.waits(left.ID); waits != "none_free map[]" {
			t.Errorf("it waits for %s", waits)
		}
		second.prints("RUNNING")
		second.prints("FINISH")
		pass(time.Minute)
		if why := h.job(jobs[2].ID).Why; !strings.Contains(why, "plate of Hall is clear") {
			t.Errorf("why %q", why)
		}
		if waits := h.waits(left.ID); waits != "plate_not_clear map[printers:[Hall]]" {
			t.Errorf("it waits for %s", waits)
		}
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, hall); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		h.want(jobs[2].ID, grove.Accepted)
		if waits := h.waits(left.ID); waits != "" {
			t.Errorf("it is on its way and waits for %s", waits)
		}
	})
}

func TestCriteriaLeavePrintersOutAndSayWhy(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.more(hall, "Hall", "X1C").becomes(map[string]any{"nozzle_diameter": "0.6", "gcode_state": "RUNNING"})
		h.m.becomes(map[string]any{"nozzle_diameter": "0.4", "gcode_state": "RUNNING"})
		h.tag(hall, "Big", "far away")
		for _, c := range []struct {
			name     string
			criteria grove.Criteria
			want     [2]string // of Bench and of Hall
		}{
			{"each", grove.Criteria{}, [2]string{"", ""}},
			{"model", grove.Criteria{Models: []string{"P1S"}}, [2]string{"", "wrong_model "}},
			{"nozzle", grove.Criteria{NozzleDiameter: 0.6}, [2]string{"wrong_nozzle ", ""}},
			{"tag", grove.Criteria{Tags: []string{"BIG"}}, [2]string{"tag_missing ", ""}},
			{"tags", grove.Criteria{Tags: []string{"far away", "none"}, Printers: []string{serial, hall}}, [2]string{"tag_missing tag_missing ", "tag_missing "}},
			{"printer", grove.Criteria{Printers: []string{serial}}, [2]string{"", "not_listed "}},
		} {
			fits, err := h.queue.Preview(t.Context(), h.actor, wish(c.criteria))
			if err != nil || len(fits) != 2 || fits[0].Name != "Bench" {
				t.Fatal(fits, err)
			}
			for i, f := range fits {
				if want := c.want[i] + "printer_busy plate_not_clear"; reasons(f) != want || f.Fits {
					t.Errorf("%s, %s: %s, want %s", c.name, f.Name, reasons(f), want)
				}
			}
		}
		h.file.Plates[0].MaxNozzle = 400
		fits, err := h.queue.Preview(t.Context(), h.actor, wish(grove.Criteria{Models: []string{"N1"}, NozzleDiameter: 0.6, Tags: []string{"big"}}))
		if err != nil {
			t.Fatal(err)
		}
		var said strings.Builder
		for _, m := range fits[0].Misfits {
			fmt.Fprintln(&said, m.Reason, m.Values)
		}
		if diff := cmp.Diff(`too_hot map[bears:300 part:nozzle wanted:400]
wrong_model map[has:C12 of:job wanted:[N1]]
wrong_nozzle map[has:0.4 of:job wanted:0.6]
tag_missing map[tag:big]
printer_busy map[state:RUNNING]
plate_not_clear map[]
`, said.String()); diff != "" {
			t.Error(diff)
		}
		h.file.Plates[0].MaxNozzle = 0
		_, err = h.queue.Submit(t.Context(), h.actor, wish(grove.Criteria{Tags: []string{"none"}}))
		if !grove.HasReason(err, grove.ReasonPrintFailed) || !strings.Contains(err.Error(), `Bench has no tag "none"`) {
			t.Errorf("a wish that none can fulfil: %v", err)
		}
		_, err = h.queue.Submit(t.Context(), h.actor, wish(grove.Criteria{Models: []string{"Quux"}}))
		if !grove.HasReason(err, "bad_criteria") {
			t.Errorf("a model that is none: %v", err)
		}
		s := wish(grove.Criteria{})
		s.Options.AMSMapping = []int{1}
		if _, err = h.queue.Submit(t.Context(), h.actor, s); !grove.HasReason(err, "bad_ams_mapping") {
			t.Errorf("trays of no printer: %v", err)
		}
	})
}

// loaded is a report of one AMS whose first tray holds this.
func loaded(kind, color string) map[string]any {
	tray := map[string]any{"id": "0", "tray_type": kind, "tray_color": color, "tray_info_idx": "GFA00", "remain": 40}
	return map[string]any{"ams": map[string]any{"ams": []any{map[string]any{"id": "0", "tray": []any{tray}}}}}
}

func TestMaterialAndColourAreMatched(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates[0].Filaments = []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF", Preset: "GFA00", Grams: 3, Meters: 1}}
		h.m.becomes(loaded("PLA", "00FF00FF"))
		second := h.more(hall, "Hall", "P1S")
		second.becomes(map[string]any{"vt_tray": map[string]any{"id": "254", "tray_type": "PLA", "tray_color": "E00000FF"}})
		s := wish(grove.Criteria{Color: true})
		s.Options.UseAMS = true
		fits, err := h.queue.Preview(t.Context(), h.actor, s)
		if err != nil {
			t.Fatal(err)
		}
		bench, there := fits[0], fits[1]
		if reasons(bench) != "color_differs" || bench.Filaments[0].Match != grove.ColorDifferent || bench.Filaments[0].DeltaE < 50 || !slices.Equal(bench.AMSMapping, []int{0}) {
			t.Errorf("Bench: %+v", bench)
		}
		if !there.Fits || there.Filaments[0].Match != grove.ColorClose || there.Filaments[0].Tray != -1 || there.AMSMapping != nil {
			t.Errorf("Hall: %+v", there)
		}
		j := h.make(s, 1)[0]
		h.want(j.ID, grove.Accepted)
		if second.started() != 1 || second.starts[0]["use_ams"] != false {
			t.Fatalf("started %d with %v", second.started(), second.starts)
		}
		petg := wish(grove.Criteria{Material: true})
		h.file.Plates[0].Filaments[0].Type = "PETG"
		petg.Options.UseAMS = true
		waits := h.make(petg, 1)[0]
		if why := h.job(waits.ID).Why; !strings.Contains(why, "needs PETG") {
			t.Errorf("why %q", why)
		}
		if told := h.waits(waits.ID); told != "filament_not_loaded map[color:FF0000FF filament:1 type:PETG what:missing]" {
			t.Errorf("it waits for %s", told)
		}
		h.m.becomes(loaded("petg", "00FF00FF"))
		pass(time.Minute)
		h.want(waits.ID, grove.Accepted)
		if got := h.job(waits.ID); !got.Options.AutoMapped || !slices.Equal(got.Options.AMSMapping, []int{0}) {
			t.Errorf("options %+v", got.Options)
		}
	})
}

func TestTraysThatSomebodyNamedAreJudgedAsWell(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates[0].Filaments = []grove.Filament{{ID: 2, Type: "PLA", Color: "FF0000FF"}}
		h.m.becomes(loaded("PETG", "00FF00FF"))
		s := queue.Submission{FileID: "f_1"}
		for flat, want := range map[int]grove.FilamentFit{
			0: {Tray: 0, TrayType: "PETG", TrayColor: "00FF00FF", Match: grove.ColorDifferent, Remaining: 40},
			3: {Tray: 3, Match: grove.ColorUnknown, Remaining: -1}, // nothing is in it
		} {
			s.Options = grove.Options{UseAMS: true, AMSMapping: []int{-1, flat}}
			fits, err := h.queue.Preview(t.Context(), h.actor, s)
			if err != nil {
				t.Fatal(err)
			}
			want.Filament = h.file.Plates[0].Filaments[0]
			got := fits[0].Filaments[0]
			got.DeltaE = 0
			if diff := cmp.Diff(want, got); diff != "" || !fits[0].Fits {
				t.Errorf("tray %d: fits %v %s", flat, fits[0].Fits, diff)
			}
		}
	})
}

func TestAColourIsTakenWhereItIsNearest(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates[0].Filaments = []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF"}}
		h.m.becomes(loaded("PLA", "0000FFFF"))
		h.more(hall, "Hall", "P1S").becomes(loaded("PLA", "F01010FF"))
		s := wish(grove.Criteria{Material: true})
		s.Options.UseAMS = true
		j := h.make(s, 1)[0]
		if got := h.job(j.ID); got.Serial != hall {
			t.Errorf("printed on %q", got.Serial)
		}
	})
}

// TestTwoDispatchersStartNothingTwice runs a second queue on the same printers and the
// same database. It must not be, and harms nobody.
func TestTwoDispatchersStartNothingTwice(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.stop()
		machines := []*machine{h.m}
		for i := range 3 {
			machines = append(machines, h.more(fmt.Sprint("01P00A00000001", i), fmt.Sprint("Hall ", i), "P1S"))
		}
		other := h.dispatcher(prometheus.NewRegistry())
		h.runs(h.fleet.Run, h.queue.Run, other.Run)
		jobs := h.make(wish(grove.Criteria{}), 6)
		for range 40 {
			h.queue.Kick()
			other.Kick()
			pass(time.Second)
		}
		started := map[any]int{}
		for _, m := range machines {
			if m.started() > 1 {
				t.Errorf("%s was started %d times on one plate", m.serial, m.started())
			}
			for _, s := range m.starts {
				started[s["task_id"]]++
			}
		}
		if len(started) == 0 {
			t.Error("nothing started")
		}
		for _, j := range jobs {
			if n := started[j.TaskID()]; n > 1 {
				t.Errorf("job %d was started %d times", j.ID, n)
			}
		}
	})
}

func TestALineIsHonoured(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		here, first := h.submit(), h.make(wish(grove.Criteria{}), 1)[0]
		last := h.submit()
		order := func() (ids []int64) {
			list, err := h.queue.Jobs(t.Context(), h.actor, grove.JobQuery{States: []grove.JobState{grove.Queued}, Line: true}, grove.Page{})
			if err != nil {
				t.Fatal(err)
			}
			for _, j := range list.Items {
				ids = append(ids, j.ID)
			}
			return ids
		}
		move := func(id int64, to grove.LinePlace) error {
			_, err := h.queue.Move(t.Context(), h.actor, id, to)
			return err
		}
		id := func(j grove.Job) string { return j.TaskID() }
		for _, c := range []struct {
			job  grove.Job
			to   grove.LinePlace
			want []int64
		}{
			{last, grove.LinePlace{To: "top"}, []int64{last.ID, here.ID, first.ID}},
			{last, grove.LinePlace{After: id(here)}, []int64{here.ID, last.ID, first.ID}},
			{here, grove.LinePlace{To: "bottom"}, []int64{last.ID, first.ID, here.ID}},
			{here, grove.LinePlace{Before: id(first)}, []int64{last.ID, here.ID, first.ID}},
			{first, grove.LinePlace{Before: id(last)}, []int64{first.ID, last.ID, here.ID}},
		} {
			if err := move(c.job.ID, c.to); err != nil || !slices.Equal(order(), c.want) {
				t.Fatalf("%+v: %v, %v, want %v", c.to, order(), err, c.want)
			}
		}
		if told := strings.Count(strings.Join(h.events(), " "), string(grove.JobChanged)); told != 5 {
			t.Errorf("told %d times of five moves", told)
		}
		for range 60 { // until there is no room between two
			if err := errors.Join(move(last.ID, grove.LinePlace{After: id(first)}), move(here.ID, grove.LinePlace{After: id(first)})); err != nil {
				t.Fatal(err)
			}
		}
		if want := []int64{first.ID, here.ID, last.ID}; !slices.Equal(order(), want) {
			t.Errorf("%v, want %v", order(), want)
		}
		for _, to := range []grove.LinePlace{{}, {To: "up"}, {Before: "x"}, {Before: id(last)}, {Before: id(first), To: "top"}, {After: "-1"}} {
			if err := move(last.ID, to); !grove.HasReason(err, "bad_place") {
				t.Errorf("%+v: %v", to, err)
			}
		}
		if err := move(last.ID, grove.LinePlace{After: "7"}); !errors.Is(err, grove.NotFound) {
			t.Errorf("beside a job that is none: %v", err)
		}
		h.m.becomes(map[string]any{"gcode_state": "IDLE"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		h.want(first.ID, grove.Accepted)
		if err := move(first.ID, grove.LinePlace{To: "top"}); !errors.Is(err, grove.Conflict) {
			t.Errorf("a started job was moved: %v", err)
		}
		if err := move(last.ID, grove.LinePlace{After: id(first)}); !errors.Is(err, grove.Conflict) {
			t.Errorf("beside a started job: %v", err)
		}
	})
}

func TestAPrinterIsLeftToAnEarlierJobOfItsOwn(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		own, loose := h.submit(), h.make(wish(grove.Criteria{}), 1)[0]
		if r := reasons(h.fits(loose.ID)[serial]); r != "printer_busy plate_not_clear not_its_turn" {
			t.Errorf("fit: %s", r)
		}
		h.m.becomes(map[string]any{"gcode_state": "IDLE"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		h.want(own.ID, grove.Accepted)
		h.want(loose.ID, grove.Queued)
		if r := reasons(h.fits(loose.ID)[serial]); !strings.Contains(r, "printer_held") {
			t.Errorf("fit: %s", r)
		}
	})
}

func TestAnInterruptedChoiceIsMadeAnew(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.deaf = true
		second := h.more(hall, "Hall", "P1S")
		second.deaf = true
		j := h.make(wish(grove.Criteria{}), 1)[0]
		h.want(j.ID, grove.Claimed)
		chosen := h.job(j.ID).Serial
		h.stop()
		h.open()
		h.run()
		synctest.Wait()
		if got := h.job(j.ID); chosen == "" || got.Serial != "" || got.State != grove.Queued {
			t.Errorf("it was of %q, and is %s of %q", chosen, got.State, got.Serial)
		}
		h.m.deaf, second.deaf = false, false
		h.fleet.Attach(hall, second)
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
		if second.started() != 1 || h.m.started() != 0 {
			t.Errorf("started %d and %d", h.m.started(), second.started())
		}
	})
}

func TestAFileLeftOnAPrinterKeepsTheJobThereUntilItIsGone(t *testing.T) {
	carried(t, func(t *testing.T, h *house, s *stick) {
		second := h.more(hall, "Hall", "P1S")
		second.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.make(wish(grove.Criteria{}), 1)[0]
		h.want(j.ID, grove.Uploading)
		s.set(func() { s.stuck = errors.New("busy") })
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		pass(2 * time.Minute)
		if got := h.job(j.ID); got.State != grove.Queued || got.Serial != serial || got.RemotePath == "" {
			t.Fatalf("%s of %q with %q", got.State, got.Serial, got.RemotePath)
		}
		there := hall
		if _, err := h.queue.Edit(t.Context(), h.actor, j.ID, queue.Edit{Serial: &there}); !grove.HasReason(err, "file_left") {
			t.Errorf("moved with its file elsewhere: %v", err)
		}
		s.set(func() { s.stuck = nil })
		pass(2 * time.Minute)
		if got := h.job(j.ID); got.Serial != "" || got.RemotePath != "" || s.count() != 0 {
			t.Errorf("%s of %q with %q, %d files", got.State, got.Serial, got.RemotePath, s.count())
		}
		second.becomes(map[string]any{"gcode_state": "IDLE"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, hall); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
		if second.started() != 1 || h.m.started() != 0 {
			t.Errorf("started %d and %d", h.m.started(), second.started())
		}
	})
}

func TestAKeyForSomePrintersHasNoSayOverTheOthers(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		h.more(hall, "Hall", "P1S").becomes(map[string]any{"gcode_state": "RUNNING"})
		key, _, err := h.gate.CreateKey(t.Context(), h.actor, access.KeyWish{Name: "hall", Scopes: grove.Scopes(), Printers: []string{hall}})
		if err != nil {
			t.Fatal(err)
		}
		some := grove.Actor{Kind: grove.ActorKey, UserID: h.actor.UserID, SessionID: key.ID}
		theirs, err := h.queue.Submit(t.Context(), some, wish(grove.Criteria{}))
		if err != nil || !slices.Equal(theirs.Any.Printers, []string{hall}) {
			t.Fatalf("%+v, %v", theirs.Any, err)
		}
		if _, err := h.queue.Submit(t.Context(), some, wish(grove.Criteria{Printers: []string{serial}})); !grove.HasReason(err, grove.ReasonPrintFailed) {
			t.Errorf("a job for another printer: %v", err)
		}
		if _, err := h.queue.Move(t.Context(), some, theirs.ID, grove.LinePlace{To: "top"}); err != nil {
			t.Error(err)
		}
		fits, err := h.queue.Fits(t.Context(), some, theirs.ID)
		if err != nil || len(fits) != 1 || fits[0].Serial != hall {
			t.Errorf("%+v, %v", fits, err)
		}
		all := h.make(wish(grove.Criteria{}), 1)[0]
		_, read := h.queue.Job(t.Context(), some, all.ID)
		_, cancelled := h.queue.Cancel(t.Context(), some, all.ID)
		_, edited := h.queue.Edit(t.Context(), some, all.ID, queue.Edit{Any: &grove.Criteria{}})
		for _, err := range []error{read, cancelled, edited} {
			if !errors.Is(err, grove.NotFound) {
				t.Errorf("a job that may go anywhere: %v", err)
			}
		}
	})
}
