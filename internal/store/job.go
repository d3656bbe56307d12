package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

const (
	jobColumns = "id, owner_id, serial, file_id, file_name, plate, state, why, failure, percent, options, mode, " +
		"profile_id, model_id, estimate_seconds, weight_grams, length_meters, " +
		"created_at, expires_at, start_by, started_at, finished_at, remote_path, remote_told_at, pictured_at, " +
		"criteria, position, not_before, filaments, waits"
	jobWithAttempt = jobColumns + ", version, coalesce(nonce, ''), coalesce(not_after, 0), coalesce(sent_at, 0)"
	jobTables      = "jobs LEFT JOIN start_attempts ON job_id = id"
	findJob        = "SELECT " + jobWithAttempt + " FROM " + jobTables + " WHERE "

	// activeState is true for jobs that hold their printer. The same words stand
	// in the index that allows one of them per printer.
	activeState = "state IN ('claimed', 'uploading', 'ready', 'sending', 'accepted', 'running', 'unknown')"
)

func scanJob(r row) (grove.Job, error) {
	var j grove.Job
	var a grove.Attempt
	err := r.Scan(&j.ID, &j.OwnerID, &j.Serial, &j.FileID, &j.FileName, &j.Plate, &j.State, &j.Why, &j.Failure, &j.Percent,
		document{&j.Options}, &j.Mode, &j.ProfileID, &j.ModelID, &j.EstimateSeconds, &j.WeightGrams, &j.LengthMeters,
		instant{&j.CreatedAt}, instant{&j.ExpiresAt}, instant{&j.StartBy}, instant{&j.StartedAt}, instant{&j.FinishedAt},
		&j.RemotePath, instant{&j.RemoteToldAt}, instant{&j.PicturedAt},
		document{&j.Any}, &j.Position, instant{&j.NotBefore}, document{&j.Filaments}, document{&j.Waits}, &j.Version, &a.Nonce, instant{&a.NotAfter}, instant{&a.SentAt})
	if a.Nonce != "" {
		a.JobID, a.Serial = j.ID, j.Serial
		j.Attempt = &a
	}
	return j, err
}

// jobRow is j as a row of jobColumns.
func jobRow(j grove.Job) ([]any, error) {
	options, errOptions := toJSON(j.Options)
	criteria, errCriteria := toJSON(j.Any)
	filaments, errFilaments := toJSON(j.Filaments)
	waits, errWaits := toJSON(j.Waits)
	return []any{
		j.ID, j.OwnerID, j.Serial, j.FileID, j.FileName, j.Plate, string(j.State), j.Why, j.Failure, j.Percent,
		options, j.Mode, j.ProfileID, j.ModelID, j.EstimateSeconds, j.WeightGrams, j.LengthMeters,
		millis(j.CreatedAt), millis(j.ExpiresAt), millis(j.StartBy), millis(j.StartedAt), millis(j.FinishedAt),
		j.RemotePath, millis(j.RemoteToldAt), millis(j.PicturedAt),
		criteria, j.Position, millis(j.NotBefore), filaments, waits,
	}, errors.Join(errOptions, errCriteria, errFilaments, errWaits)
}

// CreateJob adds a job as [DB.CreateJobs] does.
func (db *DB) CreateJob(ctx context.Context, j grove.Job, events []grove.Event, acts ...func(made grove.Job) grove.AuditEntry) (grove.Job, error) {
	made, err := db.CreateJobs(ctx, j, 1, events, acts...)
	if err != nil {
		return j, err
	}
	return made[0], nil
}

// CreateJobs adds so many jobs alike, with their events, all or none, and numbers
// them. They come last in their owner's line. Events without a job get theirs; the
// acts are told which job it became. Conflict printer_busy when a job would hold a
// printer that another job holds; Forbidden quota_exhausted when more than 2,000 jobs
// of the owner would wait.
func (db *DB) CreateJobs(ctx context.Context, j grove.Job, copies int, events []grove.Event, acts ...func(made grove.Job) grove.AuditEntry) ([]grove.Job, error) {
	var made []grove.Job
	err := db.change(ctx, "create jobs", func(t *tx) error {
		made = make([]grove.Job, 0, copies)
		for range copies {
			one, err := t.createJob(ctx, j, events, acts)
			if err != nil {
				return err
			}
			made = append(made, one)
		}
		if j.State == grove.Queued {
			return t.lineRoom(ctx, j.OwnerID, copies)
		}
		return nil
	})
	return made, err
}

func (t *tx) createJob(ctx context.Context, j grove.Job, events []grove.Event, acts []func(made grove.Job) grove.AuditEntry) (grove.Job, error) {
	var err error
	if j.ID, err = t.count(ctx, countJobs, firstJob); err != nil {
		return j, err
	}
	last, err := one(ctx, t, scanned[int64], `SELECT coalesce(max(position), 0) FROM jobs WHERE owner_id = $1`, j.OwnerID)
	if err != nil {
		return j, err
	}
	j.Position = last + grove.PlaceStep
	values, err := jobRow(j)
	if err != nil {
		return j, err
	}
	if _, err := exec(ctx, t, insertInto("jobs", jobColumns+", version"), append(values, 1)...); err != nil {
		return j, onUnique(err, printerBusy(j.Serial))
	}
	if err := t.saveAttempt(ctx, j, nil); err != nil {
		return j, err
	}
	if err := t.addEvents(ctx, ofJob(j, events)); err != nil {
		return j, err
	}
	for _, act := range acts {
		if err := t.addAudit(ctx, []grove.AuditEntry{act(j)}); err != nil {
			return j, err
		}
	}
	return one(ctx, t, scanJob, findJob+"id = $1", j.ID)
}

// ofJob gives events that name no job the number of j.
func ofJob(j grove.Job, events []grove.Event) []grove.Event {
	events = slices.Clone(events)
	for i := range events {
		if events[i].Data.JobID == "" {
			events[i].Data.JobID = j.TaskID()
		}
	}
	return events
}

// Job finds a job by its number; NotFound when there is none.
func (db *DB) Job(ctx context.Context, id int64) (grove.Job, error) {
	j, err := one(ctx, db.read, scanJob, findJob+"id = $1", id)
	return j, fault("find job", onMissing(err, noJob(id)))
}

func noJob(id int64) *grove.Error {
	return grove.Errorf(grove.NotFound, "job_not_found", "There is no job %d.", id)
}

func printerBusy(serial string) *grove.Error {
	return grove.Errorf(grove.Conflict, "printer_busy", "Another job holds the printer %s. Wait until it is done, or cancel it.", serial)
}

// Jobs lists jobs.
func (db *DB) Jobs(ctx context.Context, q grove.JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	return list(ctx, db, db.jobs(q), page, scanJob)
}

// JobsWithin lists the jobs that are within reach.
func (db *DB) JobsWithin(ctx context.Context, reach grove.Reach, q grove.JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	l := db.jobs(q)
	l.within(reach)
	return list(ctx, db, l, page, scanJob)
}

// jobsAtOnce is how many jobs are read at a time where all are looked at.
const jobsAtOnce = 500

// EachJobWithin gives the jobs that are within reach to fn, one after the other, until
// it fails. No transaction is open meanwhile.
func (db *DB) EachJobWithin(ctx context.Context, reach grove.Reach, q grove.JobQuery, fn func(grove.Job) error) error {
	for after := ""; ; {
		l := db.jobs(q)
		l.within(reach)
		jobs, err := some(ctx, db, l, after, jobsAtOnce, scanJob)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := fn(j); err != nil {
				return err
			}
		}
		if len(jobs) < jobsAtOnce {
			return nil
		}
		after = jobs[len(jobs)-1].TaskID()
	}
}

// jobs is the listing that a query asks for.
func (db *DB) jobs(q grove.JobQuery) listing {
	l := listing{columns: jobWithAttempt, from: jobTables, keys: []string{"id"}, cursor: byNumber}
	if q.Line {
		l.keys, l.cursor, l.oldest = []string{"position", "id"}, db.byPlace, true
	}
	if q.OwnerID != 0 {
		l.and("owner_id = ?", q.OwnerID)
	}
	if q.Serial != "" {
		l.and("serial = ?", q.Serial)
	}
	if q.FileID != "" {
		l.and("file_id = ?", q.FileID)
	}
	if q.Text != "" {
		l.and(`lower(file_name) LIKE lower(?) ESCAPE '!'`, "%"+likeEscapes.Replace(q.Text)+"%")
	}
	if !q.From.IsZero() {
		l.and("created_at >= ?", millis(q.From))
	}
	if !q.To.IsZero() {
		l.and("created_at < ?", millis(q.To))
	}
	oneOf(&l, "state", q.States)
	return l
}

// likeEscapes makes text mean itself in a LIKE with the escape !.
var likeEscapes = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// within narrows a listing of jobs.
func (l *listing) within(reach grove.Reach) {
	held := []string{l.bind("owner_id = ?", reach.OwnerID)}
	for _, r := range reach.Shared {
		held = append(held, l.bind("(serial = ? AND owner_id = ?)", r.Serial, r.OwnerID))
	}
	l.where = append(l.where, "("+strings.Join(held, " OR ")+")")
	if reach.Some && len(reach.Only) == 0 {
		l.and("1 = 0")
	} else if reach.Some {
		oneOf(l, "serial", reach.Only)
	}
}

// Leftovers gives the jobs whose files lie on their printers for nothing: the job is
// done, or waits and brings its file anew.
func (db *DB) Leftovers(ctx context.Context) ([]grove.Job, error) {
	jobs, err := all(ctx, db.read, scanJob, findJob+`
		remote_path <> '' AND state IN ('queued', 'finished', 'failed', 'cancelled', 'expired') ORDER BY id`)
	return jobs, fault("find files left on printers", err)
}

// UpdateJob changes a job through fn and adds the events that fn returns, all or
// nothing. When fn gives the job an attempt, the attempt's row is part of it:
// Conflict attempt_exists when the job has one already. Conflict printer_busy
// when the job would hold a printer that another job holds. NotFound when there
// is no job. An attempt is never removed; of a kept one only SentAt may change.
func (db *DB) UpdateJob(ctx context.Context, id int64, fn func(*grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Job, error) {
	var j grove.Job
	err := db.change(ctx, "update job", func(t *tx) error {
		if err := t.lock(ctx, "jobs", "id = $1", id); err != nil {
			return err
		}
		before, err := one(ctx, t, scanJob, findJob+"id = $1", id)
		if err != nil {
			return onMissing(err, noJob(id))
		}
		j = cloneJob(before)
		events, err := fn(&j)
		if err != nil {
			return err
		}
		if err := t.saveJob(ctx, before, j); err != nil {
			return err
		}
		if err := t.addFacts(ctx, events, acts); err != nil {
			return err
		}
		j, err = one(ctx, t, scanJob, findJob+"id = $1", id)
		return err
	})
	return j, err
}

// cloneJob copies j so that a closure cannot change what it is compared with.
func cloneJob(j grove.Job) grove.Job {
	j.Options.AMSMapping = slices.Clone(j.Options.AMSMapping)
	j.Filaments = slices.Clone(j.Filaments)
	if j.Any != nil {
		c := *j.Any
		c.Models, c.Tags, c.Printers = slices.Clone(c.Models), slices.Clone(c.Tags), slices.Clone(c.Printers)
		j.Any = &c
	}
	if j.Attempt != nil {
		a := *j.Attempt
		j.Attempt = &a
	}
	return j
}

// saveJob writes what changed. The job's number stays, and its printer does from when
// it is claimed until it waits again.
func (t *tx) saveJob(ctx context.Context, before, j grove.Job) error {
	j.ID = before.ID
	if before.State != grove.Queued && j.State != grove.Queued {
		j.Serial = before.Serial
	}
	old, err := jobRow(before)
	if err != nil {
		return err
	}
	values, err := jobRow(j)
	if err != nil {
		return err
	}
	if err := t.saveAttempt(ctx, j, before.Attempt); err != nil {
		return err
	}
	if slices.Equal(old, values) {
		return nil
	}
	n, err := exec(ctx, t, fmt.Sprintf("UPDATE jobs SET %s, version = version + 1 WHERE id = $1 AND version = $%d", assign(jobColumns), len(values)+1),
		append(values, before.Version)...)
	if err == nil && n == 0 {
		return errStale
	}
	return onUnique(err, printerBusy(j.Serial))
}

// saveAttempt adds the row of a new attempt, or notes when a kept one was sent.
func (t *tx) saveAttempt(ctx context.Context, j grove.Job, before *grove.Attempt) error {
	a := j.Attempt
	switch {
	case a == nil:
		return nil
	case a.Nonce == "":
		return grove.Errorf(grove.Internal, "attempt_nonce", "an attempt of job %d has no nonce", j.ID)
	case before != nil && before.Nonce == a.Nonce:
		_, err := exec(ctx, t, `UPDATE start_attempts SET sent_at = $1 WHERE job_id = $2`, millis(a.SentAt), j.ID)
		return err
	}
	_, err := exec(ctx, t, insertInto("start_attempts", "job_id, printer_serial, nonce, not_after, sent_at"),
		j.ID, j.Serial, a.Nonce, millis(a.NotAfter), millis(a.SentAt))
	return onUnique(err, grove.Errorf(grove.Conflict, "attempt_exists", "Job %d was started once already; it is never started twice.", j.ID))
}
