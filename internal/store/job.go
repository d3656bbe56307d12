package store

import (
	"context"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

const (
	jobColumns = "id, owner_id, serial, file_id, file_name, plate, state, why, failure, percent, options, mode, " +
		"profile_id, model_id, estimate_seconds, weight_grams, length_meters, " +
		"created_at, expires_at, start_by, started_at, finished_at, remote_path, remote_told_at, pictured_at"
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
		&j.RemotePath, instant{&j.RemoteToldAt}, instant{&j.PicturedAt}, &j.Version, &a.Nonce, instant{&a.NotAfter}, instant{&a.SentAt})
	if a.Nonce != "" {
		a.JobID, a.Serial = j.ID, j.Serial
		j.Attempt = &a
	}
	return j, err
}

// jobRow is j as a row of jobColumns.
func jobRow(j grove.Job) ([]any, error) {
	options, err := toJSON(j.Options)
	return []any{
		j.ID, j.OwnerID, j.Serial, j.FileID, j.FileName, j.Plate, string(j.State), j.Why, j.Failure, j.Percent,
		options, j.Mode, j.ProfileID, j.ModelID, j.EstimateSeconds, j.WeightGrams, j.LengthMeters,
		millis(j.CreatedAt), millis(j.ExpiresAt), millis(j.StartBy), millis(j.StartedAt), millis(j.FinishedAt),
		j.RemotePath, millis(j.RemoteToldAt), millis(j.PicturedAt),
	}, err
}

// JobFilter says which jobs to list. Zero fields do not narrow.
type JobFilter struct {
	OwnerID int64
	Serial  string
	States  []grove.JobState
	Oldest  bool // oldest first, else newest first
}

// CreateJob adds a job and its events and numbers it. Events without a job get
// this one; the acts are told which job it became. Conflict printer_busy when the job would hold a printer that another
// job holds.
func (db *DB) CreateJob(ctx context.Context, j grove.Job, events []grove.Event, acts ...func(made grove.Job) grove.AuditEntry) (grove.Job, error) {
	err := db.change(ctx, "create job", func(t *tx) error {
		made := j
		var err error
		if made.ID, err = t.count(ctx, countJobs, firstJob); err != nil {
			return err
		}
		values, err := jobRow(made)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, t, insertInto("jobs", jobColumns+", version"), append(values, 1)...); err != nil {
			return onUnique(err, printerBusy(j.Serial))
		}
		if err := t.saveAttempt(ctx, made, nil); err != nil {
			return err
		}
		if err := t.addEvents(ctx, ofJob(made, events)); err != nil {
			return err
		}
		for _, act := range acts {
			if err := t.addAudit(ctx, []grove.AuditEntry{act(made)}); err != nil {
				return err
			}
		}
		j, err = one(ctx, t, scanJob, findJob+"id = $1", made.ID)
		return err
	})
	return j, err
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
func (db *DB) Jobs(ctx context.Context, filter JobFilter, page grove.Page) (grove.List[grove.Job], error) {
	l := listing{
		columns: jobWithAttempt, from: jobTables,
		keys: []string{"id"}, cursor: byNumber, oldest: filter.Oldest,
	}
	if filter.OwnerID != 0 {
		l.and("owner_id = ?", filter.OwnerID)
	}
	if filter.Serial != "" {
		l.and("serial = ?", filter.Serial)
	}
	oneOf(&l, "state", filter.States)
	return list(ctx, db, l, page, scanJob)
}

// JobsWithin lists the jobs that are within reach.
func (db *DB) JobsWithin(ctx context.Context, reach grove.Reach, filter JobFilter, page grove.Page) (grove.List[grove.Job], error) {
	l := listing{columns: jobWithAttempt, from: jobTables, keys: []string{"id"}, cursor: byNumber, oldest: filter.Oldest}
	l.within(reach)
	if filter.Serial != "" {
		l.and("serial = ?", filter.Serial)
	}
	oneOf(&l, "state", filter.States)
	return list(ctx, db, l, page, scanJob)
}

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

// Heads gives, for each printer that no job holds, its oldest queued job.
func (db *DB) Heads(ctx context.Context) ([]grove.Job, error) {
	jobs, err := all(ctx, db.read, scanJob, findJob+`
		id IN (SELECT min(id) FROM jobs WHERE state = 'queued' GROUP BY serial)
		AND serial NOT IN (SELECT serial FROM jobs WHERE `+activeState+`)
		ORDER BY id`)
	return jobs, fault("find queue heads", err)
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
	if j.Attempt != nil {
		a := *j.Attempt
		j.Attempt = &a
	}
	return j
}

// saveJob writes what changed. The job's number and printer stay.
func (t *tx) saveJob(ctx context.Context, before, j grove.Job) error {
	j.ID, j.Serial = before.ID, before.Serial
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
	n, err := exec(ctx, t, "UPDATE jobs SET "+assign(jobColumns)+", version = version + 1 WHERE id = $1 AND version = $26",
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
