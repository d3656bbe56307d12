package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func queued(serial string) grove.Job {
	return grove.Job{
		OwnerID: 1, Serial: serial, FileID: "f_1", FileName: "cube.3mf", Plate: 2, State: grove.Queued, Mode: "cloud_file",
		Options:   grove.Options{UseAMS: true, AMSMapping: []int{-1, 2}, BedType: "textured_plate", Timelapse: true},
		ProfileID: 600000001, ModelID: "US1", EstimateSeconds: 3600, WeightGrams: 12.5, LengthMeters: 4.25,
		CreatedAt: noon, ExpiresAt: noon.Add(24 * time.Hour),
		Why: "waits for Hall", Waits: &grove.Misfit{Reason: grove.MisfitPlate, Message: "waits for Hall", Values: map[string]any{"printers": []any{"Hall"}}},
	}
}

func moveTo(state grove.JobState) func(*grove.Job) ([]grove.Event, error) {
	return func(j *grove.Job) ([]grove.Event, error) { return nil, j.MoveTo(state) }
}

func TestAJobIsNumberedAndItsEventsNameIt(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		told := grove.Event{UserID: 1, Type: grove.JobQueued, At: noon, Data: grove.EventData{DeviceID: "S1", Status: "queued"}}
		other := told
		other.Data.JobID = "7"
		made := must(db.CreateJob(ctx, queued("S1"), []grove.Event{told, other}))(t)
		want := queued("S1")
		want.ID, want.Version, want.Position = 700000001, 1, grove.PlaceStep
		same(t, made, want)
		same(t, must(db.Job(ctx, made.ID))(t), want)
		_, err := db.Job(ctx, 1)
		refused(t, err, grove.NotFound, "job_not_found")
		events := must(db.Events(ctx, 1, 0, 0))(t)
		same(t, []string{events[0].Data.JobID, events[1].Data.JobID}, []string{"700000001", "7"})
	})
}

func TestOnlyOneWinsAJob(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		job := must(db.CreateJob(t.Context(), queued("S1"), nil))(t)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = db.UpdateJob(t.Context(), job.ID, func(j *grove.Job) ([]grove.Event, error) {
					if err := j.MoveTo(grove.Claimed); err != nil {
						return nil, err
					}
					return []grove.Event{{UserID: 1, Type: grove.JobWaiting, At: noon}}, nil
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refused(t, err, grove.Conflict, "job_state")
		}
		same(t, won, 1)
		same(t, len(must(db.Events(t.Context(), 1, 0, 0))(t)), 1)
		same(t, must(db.Job(t.Context(), job.ID))(t).Version, int64(2))
	})
}

func TestAPrinterIsHeldByOneJob(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		first := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		second := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		elsewhere := must(db.CreateJob(ctx, queued("S2"), nil))(t)
		must(db.UpdateJob(ctx, first.ID, moveTo(grove.Claimed)))(t)
		must(db.UpdateJob(ctx, elsewhere.ID, moveTo(grove.Claimed)))(t)
		for _, state := range []grove.JobState{grove.Ready, grove.Sending, grove.Unknown, grove.Running} {
			must(db.UpdateJob(ctx, first.ID, moveTo(state)))(t)
			_, err := db.UpdateJob(ctx, second.ID, moveTo(grove.Claimed))
			refused(t, err, grove.Conflict, "printer_busy")
		}
		held := queued("S1")
		held.State = grove.Running
		_, err := db.CreateJob(ctx, held, nil)
		refused(t, err, grove.Conflict, "printer_busy")
		must(db.UpdateJob(ctx, first.ID, moveTo(grove.Finished)))(t)
		must(db.UpdateJob(ctx, second.ID, moveTo(grove.Claimed)))(t)
	})
}

func attempt(nonce string) func(*grove.Job) ([]grove.Event, error) {
	return func(j *grove.Job) ([]grove.Event, error) {
		j.Attempt = &grove.Attempt{Nonce: nonce, NotAfter: noon.Add(time.Minute), SentAt: noon}
		return nil, nil
	}
}

func TestAJobIsAttemptedOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		job := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		got := must(db.UpdateJob(ctx, job.ID, attempt("n1")))(t)
		want := &grove.Attempt{JobID: job.ID, Serial: "S1", Nonce: "n1", NotAfter: noon.Add(time.Minute), SentAt: noon}
		same(t, got.Attempt, want)

		_, err := db.UpdateJob(ctx, job.ID, attempt("n2"))
		refused(t, err, grove.Conflict, "attempt_exists")
		other := must(db.CreateJob(ctx, queued("S2"), nil))(t)
		_, err = db.UpdateJob(ctx, other.ID, attempt("n1"))
		refused(t, err, grove.Conflict, "attempt_exists")
		_, err = db.UpdateJob(ctx, other.ID, attempt(""))
		refused(t, err, grove.Internal, "attempt_nonce")

		kept := must(db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) { j.Attempt = nil; return nil, nil }))(t)
		same(t, kept.Attempt, want)
		want.SentAt = noon.Add(time.Second)
		sent := must(db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
			j.Attempt.SentAt, j.Attempt.NotAfter = noon.Add(time.Second), noon.Add(time.Hour)
			return nil, nil
		}))(t)
		same(t, sent.Attempt, want)
	})
}

func TestOnlyOneOfManyAttemptsIsKept(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		job := must(db.CreateJob(t.Context(), queued("S1"), nil))(t)
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = db.UpdateJob(t.Context(), job.ID, attempt("n"+strconv.Itoa(i))) })
		}
		wg.Wait()
		kept := must(db.Job(t.Context(), job.ID))(t).Attempt.Nonce
		for i, err := range errs {
			if kept == "n"+strconv.Itoa(i) {
				ok(t, err)
				continue
			}
			refused(t, err, grove.Conflict, "attempt_exists")
		}
	})
}

// A closure that waited for another's change must see all of it: state and
// attempt together, never the new state without its attempt.
func TestAWaitingUpdateSeesTheAttemptOfTheOneBefore(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for range 10 {
			job := must(db.CreateJob(ctx, queued(strconv.FormatInt(time.Now().UnixNano(), 36)), nil))(t)
			entered := make(chan struct{})
			var wg sync.WaitGroup
			wg.Go(func() {
				_, err := db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
					close(entered)
					j.State = grove.Sending
					return attempt("n" + j.TaskID())(j)
				})
				if err != nil {
					t.Error(err)
				}
			})
			<-entered
			_, err := db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
				if j.State == grove.Sending && j.Attempt == nil {
					t.Error("sending, but no attempt is seen")
				}
				j.Why = "looked at"
				return nil, nil
			})
			ok(t, err)
			wg.Wait()
		}
	})
}

func TestQueueHeadsAreTheOldestOfFreePrinters(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		var jobs []grove.Job
		for _, serial := range []string{"S1", "S1", "S2", "S2", "S3"} {
			jobs = append(jobs, must(db.CreateJob(ctx, queued(serial), nil))(t))
		}
		must(db.UpdateJob(ctx, jobs[2].ID, moveTo(grove.Claimed)))(t)
		must(db.UpdateJob(ctx, jobs[0].ID, moveTo(grove.Cancelled)))(t)
		same(t, must(db.Heads(ctx, noon))(t), []grove.Job{jobs[1], jobs[4]})
	})
}

// What a locked guest left in line stops nobody behind it, and is still looked at.
func TestQueueHeadsGoOnBehindTheFilesOfLockedGuests(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		owner := must(db.CreateUser(ctx, ann()))(t)
		guest := ann()
		guest.Email = "guest@example.org"
		guest = must(db.CreateUser(ctx, guest))(t)
		theirs, own := upload("f_g", "guest.3mf"), upload("f_o", "own.3mf")
		theirs.OwnerID, own.OwnerID = guest.ID, owner.ID
		must(db.CreateFile(ctx, theirs))(t)
		must(db.CreateFile(ctx, own))(t)
		var jobs []grove.Job
		for _, of := range []struct{ serial, file string }{
			{"S1", "f_g"}, {"S1", "f_g"}, {"S1", "f_o"}, {"S1", "f_g"}, {"S1", "f_o"}, {"S2", "f_g"}, {"S3", "gone"}, {"S3", "f_o"},
		} {
			j := queued(of.serial)
			j.OwnerID, j.FileID = owner.ID, of.file
			jobs = append(jobs, must(db.CreateJob(ctx, j, nil))(t))
		}
		open := []grove.Job{jobs[0], jobs[5], jobs[6]}
		same(t, must(db.Heads(ctx, noon))(t), open)
		may := func(grove.User, int) error { return nil }
		if _, _, err := db.LockUser(ctx, guest.ID, noon, may); err != nil {
			t.Fatal(err)
		}
		same(t, must(db.Heads(ctx, noon))(t), []grove.Job{jobs[0], jobs[1], jobs[2], jobs[5], jobs[6]})
		if _, _, err := db.LockUser(ctx, owner.ID, noon, may); err != nil { // then all of it waits
			t.Fatal(err)
		}
		same(t, must(db.Heads(ctx, noon))(t), open)
	})
}

func TestJobsAreListedByOwnerPrinterAndState(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for i := range 6 {
			j := queued("S" + strconv.Itoa(i%2))
			j.OwnerID = int64(1 + i/4)
			if i == 1 {
				j.State = grove.Finished
			}
			must(db.CreateJob(ctx, j, nil))(t)
		}
		const base = 700000001
		for _, c := range []struct {
			filter grove.JobQuery
			page   grove.Page
			want   []int64
			total  int
			more   bool
		}{
			{grove.JobQuery{}, grove.Page{}, []int64{5, 4, 3, 2, 1, 0}, 6, false},
			{grove.JobQuery{OwnerID: 1, Line: true}, grove.Page{Limit: 2}, []int64{0, 1}, 4, true},
			{grove.JobQuery{OwnerID: 1, Line: true}, grove.Page{Limit: 2, After: "700000002"}, []int64{2, 3}, 4, false},
			{grove.JobQuery{OwnerID: 1}, grove.Page{Limit: 3, Page: 2}, []int64{0}, 4, false},
			{grove.JobQuery{OwnerID: 1, Serial: "S1"}, grove.Page{Limit: 20}, []int64{3, 1}, 2, false},
			{grove.JobQuery{OwnerID: 1, States: []grove.JobState{grove.Finished, grove.Failed}}, grove.Page{Limit: 20}, []int64{1}, 1, false},
			{grove.JobQuery{States: []grove.JobState{grove.Queued}}, grove.Page{Limit: 2, After: "700000004"}, []int64{2, 0}, 5, false},
		} {
			t.Run(fmt.Sprint(c.filter, c.page), func(t *testing.T) {
				got := must(db.Jobs(ctx, c.filter, c.page))(t)
				var ids []int64
				for _, j := range got.Items {
					ids = append(ids, j.ID-base)
				}
				same(t, ids, c.want)
				same(t, got.Total, c.total)
				same(t, got.More, c.more)
			})
		}
	})
}

// bound is a printer and the job that holds it.
func bound(t *testing.T, db *store.DB) grove.Job {
	t.Helper()
	must(db.BindPrinter(t.Context(), bench("S1"), false))(t)
	job := must(db.CreateJob(t.Context(), queued("S1"), nil))(t)
	return must(db.UpdateJob(t.Context(), job.ID, moveTo(grove.Claimed)))(t)
}

func TestAPrinterItsJobAndTheirEventsChangeTogether(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		job := bound(t, db)
		subscribe(t, db, "wh_1", grove.JobFailed)
		turn := func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
			if diff := cmp.Diff(&job, active); diff != "" {
				return nil, errors.New(diff)
			}
			p.PlateClear = false
			active.Why = "the file is damaged"
			return []grove.Event{{UserID: 1, Type: grove.JobFailed, At: noon}}, active.MoveTo(grove.Failed)
		}
		// The delivery cannot be written, so nothing is.
		must(db.Raw(ctx, `ALTER TABLE deliveries RENAME TO hidden`))(t)
		if _, err := db.UpdatePrinter(ctx, "S1", turn); err == nil {
			t.Fatal("the change went through without its delivery")
		}
		must(db.Raw(ctx, `ALTER TABLE hidden RENAME TO deliveries`))(t)
		same(t, must(db.Printer(ctx, "S1"))(t), bench("S1"))
		same(t, must(db.Job(ctx, job.ID))(t), job)
		same(t, len(must(db.Events(ctx, 1, 0, 0))(t)), 0)

		must(db.UpdatePrinter(ctx, "S1", turn))(t)
		same(t, must(db.Printer(ctx, "S1"))(t).PlateClear, false)
		failed := must(db.Job(ctx, job.ID))(t)
		same(t, failed.State, grove.Failed)
		same(t, failed.Version, job.Version+1)
		same(t, len(must(db.Events(ctx, 1, 0, 0))(t)), 1)
		same(t, must(db.Deliveries(ctx, 1, "wh_1", grove.Page{}))(t).Total, 1)
		// Nobody holds the printer any more.
		must(db.UpdatePrinter(ctx, "S1", func(_ *grove.Printer, active *grove.Job) ([]grove.Event, error) {
			if active != nil {
				return nil, fmt.Errorf("job %d still holds the printer", active.ID)
			}
			return nil, nil
		}))(t)
	})
}

func TestTurnsAndQueueChangeOneJobWithoutLosingAny(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		job := bound(t, db)
		errs := make([]error, 24)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				if i%2 == 0 {
					_, errs[i] = db.UpdateJob(t.Context(), job.ID, func(j *grove.Job) ([]grove.Event, error) {
						j.Percent++
						return []grove.Event{{UserID: 1, Type: grove.JobStarted, At: noon}}, nil
					})
					return
				}
				_, errs[i] = db.UpdatePrinter(t.Context(), "S1", func(p *grove.Printer, j *grove.Job) ([]grove.Event, error) {
					p.PrintError++
					j.Percent++
					return []grove.Event{{UserID: 1, Type: grove.PrinterError, At: noon}}, nil
				})
			})
		}
		wg.Wait()
		ok(t, errors.Join(errs...))
		same(t, must(db.Job(t.Context(), job.ID))(t).Percent, 24)
		same(t, must(db.Printer(t.Context(), "S1"))(t).PrintError, int64(12))
		same(t, len(must(db.Events(t.Context(), 1, 0, 0))(t)), 36) // each error is also a notification
	})
}

func TestNothingIsSeenOrToldBeforeTheCommit(t *testing.T) {
	t.Parallel()
	storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
		var told []grove.Event
		var db *store.DB
		cfg.OnCommit = func(events []grove.Event) {
			// Whoever is told finds it.
			if got, err := db.Events(context.Background(), 1, events[0].ID-1, 0); err != nil || len(got) != len(events) {
				t.Errorf("told of %d events, found %d (%v)", len(events), len(got), err)
			}
			told = append(told, events...)
		}
		db = storetest.Open(t, cfg)
		ctx := t.Context()
		job := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		change := func(end error) error {
			_, err := db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
				j.State = grove.Claimed
				if seen := must(db.Job(ctx, job.ID))(t); seen.State != grove.Queued {
					t.Errorf("seen before the commit: %s", seen.State)
				}
				return []grove.Event{{UserID: 1, Type: grove.PrintCompleted, At: noon}}, end
			})
			return err
		}
		refusal := errors.New("no")
		if err := change(refusal); !errors.Is(err, refusal) {
			t.Fatal(err)
		}
		same(t, len(told), 0)
		same(t, must(db.Job(ctx, job.ID))(t), job)
		ok(t, change(nil))
		var types []grove.EventType
		for _, e := range told {
			types = append(types, e.Type)
		}
		same(t, types, []grove.EventType{grove.PrintCompleted, grove.NotificationCreated})
		same(t, must(db.Events(ctx, 1, 0, 0))(t), told)
	})
}

func TestAFileOnAPrinterIsRememberedUntilItIsDeleted(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		left := func() (ids []int64) {
			for _, j := range must(db.Leftovers(ctx))(t) {
				ids = append(ids, j.ID)
			}
			return ids
		}
		must(db.CreateJob(ctx, queued("S0"), nil))(t) // brings nothing
		job := must(db.CreateJob(ctx, queued("S1"), nil))(t)
		for _, step := range []struct {
			state grove.JobState
			left  bool
		}{
			{grove.Claimed, false},
			{grove.Uploading, false},
			{grove.Queued, true},
			{grove.Claimed, false},
			{grove.Ready, false},
			{grove.Sending, false},
			{grove.Unknown, false},
			{grove.Running, false},
			{grove.Failed, true},
		} {
			got := must(db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
				j.RemotePath, j.RemoteToldAt = "/cache/1_x.gcode.3mf", noon
				return nil, j.MoveTo(step.state)
			}))(t)
			if got.RemotePath != "/cache/1_x.gcode.3mf" || !got.RemoteToldAt.Equal(noon) || (len(left()) == 1) != step.left {
				t.Errorf("%s: %+v, left %v", step.state, got, left())
			}
		}
		must(db.UpdateJob(ctx, job.ID, func(j *grove.Job) ([]grove.Event, error) {
			j.RemotePath = ""
			return nil, nil
		}))(t)
		if ids := left(); len(ids) > 0 {
			t.Errorf("left %v", ids)
		}
	})
}
