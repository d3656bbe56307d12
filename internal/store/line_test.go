package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// loose is a job of any printer that fits.
func loose() grove.Job {
	j := queued("")
	j.Any = &grove.Criteria{Models: []string{"C12"}, Color: true, Tags: []string{"hall"}, Printers: []string{"S1", "S2"}}
	j.Filaments = []grove.Filament{{ID: 1, Type: "PLA", Color: "FF0000FF", Grams: 12.5, Meters: 4.25}}
	return j
}

func choose(serial string) func(*grove.Job) ([]grove.Event, error) {
	return func(j *grove.Job) ([]grove.Event, error) {
		j.Serial = serial
		return nil, j.MoveTo(grove.Claimed)
	}
}

func TestCopiesAreMadeAllOrNone(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		told := grove.Event{UserID: 1, Type: grove.JobQueued, At: noon}
		made := must(db.CreateJobs(ctx, loose(), 3, []grove.Event{told}))(t)
		for i, j := range made {
			want := loose()
			want.ID, want.Version, want.Position = 700000001+int64(i), 1, int64(i+1)*grove.PlaceStep
			same(t, j, want)
		}
		same(t, len(must(db.Events(ctx, 1, 0, 0))(t)), 3)
		held := queued("S1")
		held.State = grove.Running
		_, err := db.CreateJobs(ctx, held, 2, nil)
		refused(t, err, grove.Conflict, "printer_busy")
		same(t, must(db.Jobs(ctx, grove.JobQuery{}, grove.Page{}))(t).Total, 3)
	})
}

func TestOnlySoManyJobsOfAnOwnerWait(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.CreateJobs(ctx, queued("S1"), 1901, nil))(t)
		running := must(db.CreateJob(ctx, loose(), nil))(t)
		must(db.UpdateJob(ctx, running.ID, choose("S2")))(t)
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() { _, errs[i] = db.CreateJobs(ctx, queued("S1"), 40, nil) })
		}
		wg.Wait()
		full := slices.DeleteFunc(errs, func(err error) bool { return err == nil })
		same(t, len(full), 2) // the other two make it 1981
		for _, err := range full {
			refused(t, err, grove.Forbidden, grove.ReasonQuotaExhausted)
		}
		waiting := func() int {
			return must(db.Jobs(ctx, grove.JobQuery{OwnerID: 1, States: []grove.JobState{grove.Queued}}, grove.Page{Limit: 1}))(t).Total
		}
		same(t, waiting(), 1981)
		must(db.CreateJobs(ctx, queued("S1"), 19, nil))(t)
		_, err := db.CreateJob(ctx, loose(), nil)
		refused(t, err, grove.Forbidden, grove.ReasonQuotaExhausted)
		same(t, waiting(), 2000)
		noted, other := queued("S1"), queued("S1")
		noted.State, other.OwnerID = grove.Cancelled, 2
		must(db.CreateJob(ctx, noted, nil))(t)
		must(db.CreateJob(ctx, other, nil))(t)
	})
}

func TestOverdueJobsAreThoseAlone(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		job := func(serial string, state grove.JobState, expires, sent time.Time) grove.Job {
			j := queued(serial)
			j.State, j.ExpiresAt = state, expires
			if !sent.IsZero() {
				j.Attempt = &grove.Attempt{Nonce: serial, NotAfter: noon, SentAt: sent}
			}
			return must(db.CreateJob(ctx, j, nil))(t)
		}
		never, soon, past := time.Time{}, noon.Add(time.Millisecond), noon.Add(-time.Minute)
		due := job("S1", grove.Queued, noon, never)
		job("S1", grove.Queued, soon, never)
		job("S2", grove.Running, past, past)
		job("S3", grove.Claimed, past, never)
		silent := job("S4", grove.Sending, soon, past)
		job("S5", grove.Sending, past, past.Add(time.Millisecond))
		job("S6", grove.Sending, past, never)
		same(t, must(db.Overdue(ctx, noon, past))(t), []grove.Job{due, silent})
	})
}

// TestAPrinterAndAJobAreChosenOnce lets several choose at the same time, each another
// job for one printer, then each another printer for one job.
func TestAPrinterAndAJobAreChosenOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		jobs := must(db.CreateJobs(t.Context(), loose(), 9, nil))(t)
		race := func(pick func(i int) (id int64, serial string)) (won int) {
			errs := make([]error, 8)
			var wg sync.WaitGroup
			for i := range errs {
				wg.Go(func() {
					id, serial := pick(i)
					_, errs[i] = db.UpdateJob(t.Context(), id, choose(serial))
				})
			}
			wg.Wait()
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, grove.Conflict) {
					t.Error(err)
				}
			}
			return won
		}
		same(t, race(func(i int) (int64, string) { return jobs[i].ID, "S1" }), 1)
		same(t, race(func(i int) (int64, string) { return jobs[8].ID, fmt.Sprint("P", i) }), 1)
		chosen := must(db.Job(t.Context(), jobs[8].ID))(t)
		moved := must(db.UpdateJob(t.Context(), chosen.ID, func(j *grove.Job) ([]grove.Event, error) {
			j.Serial = "elsewhere"
			return nil, j.MoveTo(grove.Ready)
		}))(t)
		same(t, moved.Serial, chosen.Serial)
		same(t, len(must(db.Unplaced(t.Context(), noon))(t)), 7)
		again := must(db.UpdateJob(t.Context(), chosen.ID, func(j *grove.Job) ([]grove.Event, error) {
			j.Serial = ""
			return nil, j.MoveTo(grove.Queued)
		}))(t)
		same(t, again.Serial, "")
		same(t, len(must(db.Unplaced(t.Context(), noon))(t)), 8)
	})
}

func TestTheLineIsInTheOrderOfItsPlacesAndItsTimes(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		jobs := must(db.CreateJobs(ctx, queued("S1"), 3, nil))(t)
		later := queued("S1")
		later.NotBefore = noon.Add(time.Minute)
		jobs = append(jobs, must(db.CreateJob(ctx, later, nil))(t), must(db.CreateJob(ctx, loose(), nil))(t))
		other := queued("S1")
		other.OwnerID = 2
		must(db.CreateJob(ctx, other, nil))(t)
		act := grove.AuditEntry{At: noon, UserID: 1, Action: "job.move"}
		ok(t, db.ChangeLine(ctx, 1, func(line []grove.Job) (map[int64]int64, []grove.Event, error) {
			same(t, line, jobs)
			return map[int64]int64{jobs[3].ID: -1, jobs[4].ID: -2}, []grove.Event{{UserID: 1, Type: grove.JobChanged, At: noon}}, nil
		}, act))
		told := must(db.Events(ctx, 1, 0, 10))(t)
		same(t, told[len(told)-1].Type, grove.JobChanged)
		line := must(db.Jobs(ctx, grove.JobQuery{OwnerID: 1, Line: true}, grove.Page{Limit: 3}))(t)
		same(t, []int64{line.Items[0].ID, line.Items[1].ID, line.Items[2].ID}, []int64{jobs[4].ID, jobs[3].ID, jobs[0].ID})
		same(t, must(db.Audit(ctx, 1, grove.Page{}))(t).Total, 1)
		same(t, must(db.Heads(ctx, noon))(t)[0].ID, jobs[0].ID)
		same(t, must(db.Heads(ctx, noon.Add(time.Minute)))(t)[0].ID, jobs[3].ID)
		same(t, must(db.Unplaced(ctx, noon))(t)[0].ID, jobs[4].ID)
	})
}

func TestJobsAreFoundByFileTextAndTime(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for i, name := range []string{"Cube_50%.3mf", "cube 500.3mf", "Boat!.3mf"} {
			j := queued("S1")
			j.FileName, j.FileID, j.CreatedAt = name, fmt.Sprint("f_", i), noon.Add(time.Duration(i)*time.Hour)
			must(db.CreateJob(ctx, j, nil))(t)
		}
		for _, c := range []struct {
			query grove.JobQuery
			want  string // file ids, newest first
		}{
			{grove.JobQuery{Text: "CUBE"}, "f_1 f_0"},
			{grove.JobQuery{Text: "50%"}, "f_0"},
			{grove.JobQuery{Text: "_50"}, "f_0"},
			{grove.JobQuery{Text: "t!"}, "f_2"},
			{grove.JobQuery{FileID: "f_1"}, "f_1"},
			{grove.JobQuery{From: noon.Add(time.Hour)}, "f_2 f_1"},
			{grove.JobQuery{From: noon, To: noon.Add(time.Hour)}, "f_0"},
		} {
			var got []string
			ok(t, db.EachJobWithin(ctx, grove.Reach{OwnerID: 1}, c.query, func(j grove.Job) error {
				got = append(got, j.FileID)
				return nil
			}))
			same(t, strings.Join(got, " "), c.want)
		}
		ok(t, db.EachJobWithin(ctx, grove.Reach{OwnerID: 2}, grove.JobQuery{}, func(grove.Job) error { return errors.New("not within reach") }))
	})
}

func TestEachJobIsGivenOnceHoweverManyThereAre(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		const many = 1203
		must(db.CreateJobs(t.Context(), queued("S1"), many, nil))(t)
		seen := map[int64]int{}
		ok(t, db.EachJobWithin(t.Context(), grove.Reach{OwnerID: 1}, grove.JobQuery{}, func(j grove.Job) error {
			seen[j.ID]++
			return nil
		}))
		same(t, len(seen), many)
	})
}

func TestTagsGoWithTheOwnership(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ann, bob := sharing(t, db)
		tag := func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
			p.Tags = []string{"hall", "PETG"}
			return nil, nil
		}
		same(t, must(db.Printer(ctx, "P1"))(t).Tags, []string{})
		must(db.UpdatePrinter(ctx, "P1", tag))(t)
		same(t, must(db.Printer(ctx, "P1"))(t).Tags, []string{"hall", "PETG"})
		must(db.BindPrinter(ctx, grove.Printer{Serial: "P1", Name: "P1", OwnerID: ann, BoundAt: noon}, false))(t)
		same(t, must(db.Printer(ctx, "P1"))(t).Tags, []string{"hall", "PETG"})
		must(db.BindPrinter(ctx, grove.Printer{Serial: "P1", Name: "other", OwnerID: bob, BoundAt: noon.Add(time.Hour)}, true))(t)
		same(t, must(db.Printer(ctx, "P1"))(t).Tags, []string{})
	})
}
