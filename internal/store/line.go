package store

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
)

// ready is true for jobs that wait, and may start by the time that is its argument.
const ready = "state = 'queued' AND not_before <= $1"

// lockedUsers are the accounts that are locked, lockedFiles what they uploaded.
const (
	lockedUsers = "SELECT u.id FROM users u WHERE u.locked_at <> 0"
	lockedFiles = "SELECT f.id FROM files f WHERE f.owner_id IN (" + lockedUsers + ")"
)

// maxWaiting bounds the jobs of an owner that wait: each round of the queue looks at
// all that may start.
const maxWaiting = 2000

// lineRoom refuses jobs that this transaction made when too many of their owner's wait
// with them. Others that make jobs have waited since theirs were to be numbered, so
// that two can't take the same room.
func (t *tx) lineRoom(ctx context.Context, owner int64, made int) error {
	n, err := one(ctx, t, scanned[int], `SELECT count(*) FROM jobs WHERE owner_id = $1 AND state = 'queued'`, owner)
	if err != nil || n <= maxWaiting {
		return err
	}
	return grove.Errorf(grove.Forbidden, grove.ReasonQuotaExhausted,
		"%d jobs of this account wait already, and with %d more it would be over the %d that may; cancel some or let them print, then try again", n-made, made, maxWaiting)
}

// Overdue gives the jobs that were to have begun by now, and those whose start was sent
// at sentBy or before and that nobody answered.
func (db *DB) Overdue(ctx context.Context, now, sentBy time.Time) ([]grove.Job, error) {
	jobs, err := all(ctx, db.read, scanJob, findJob+`
		(state = 'queued' AND expires_at <= $1 OR state = 'sending' AND sent_at <= $2) ORDER BY id`, millis(now), millis(sentBy))
	return jobs, fault("find overdue jobs", err)
}

// Heads gives, for each printer that no job holds, the first in line of its own jobs
// that may start by now, in their order; before it those that it passes, whose files are
// of accounts that are locked while theirs is not. Where all are such it is the last.
func (db *DB) Heads(ctx context.Context, now time.Time) ([]grove.Job, error) {
	jobs, err := all(ctx, db.read, scanJob, findJob+`
		id IN (
			SELECT id FROM (
				SELECT id, count(CASE WHEN file_id NOT IN (`+lockedFiles+`) OR owner_id IN (`+lockedUsers+`) THEN 1 END)
					OVER (PARTITION BY serial ORDER BY position, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS ahead
				FROM jobs WHERE serial <> '' AND `+ready+`
			) line WHERE ahead = 0)
		AND serial NOT IN (SELECT serial FROM jobs WHERE `+activeState+`)
		ORDER BY position, id`, millis(now))
	return jobs, fault("find queue heads", err)
}

// Unplaced gives the jobs that may start by now on whichever printer fits, in the
// order of their owners' lines.
func (db *DB) Unplaced(ctx context.Context, now time.Time) ([]grove.Job, error) {
	jobs, err := all(ctx, db.read, scanJob, findJob+"serial = '' AND "+ready+" ORDER BY owner_id, position, id", millis(now))
	return jobs, fault("find jobs without a printer", err)
}

// ChangeLine changes places in an owner's line through fn, which is given the queued
// jobs in their order and says which get which place, by their ids, and what is told of
// it. Nothing else of them changes.
func (db *DB) ChangeLine(ctx context.Context, ownerID int64, fn func(line []grove.Job) (map[int64]int64, []grove.Event, error), acts ...grove.AuditEntry) error {
	return db.change(ctx, "change line", func(t *tx) error {
		const queued = "state = 'queued' AND owner_id = $1"
		if err := t.lock(ctx, "jobs", queued, ownerID); err != nil {
			return err
		}
		line, err := all(ctx, t, scanJob, findJob+queued+" ORDER BY position, id", ownerID)
		if err != nil {
			return err
		}
		places, events, err := fn(line)
		if err != nil {
			return err
		}
		for id, place := range places {
			if _, err := exec(ctx, t, `UPDATE jobs SET position = $1, version = version + 1 WHERE id = $2`, place, id); err != nil {
				return err
			}
		}
		return t.addFacts(ctx, events, acts)
	})
}

// byPlace is for lists of jobs in the order of the line.
func (db *DB) byPlace(ctx context.Context, id string) ([]any, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return nil, badAfter(id, "a number")
	}
	j, err := db.Job(ctx, n)
	if errors.Is(err, grove.NotFound) {
		return nil, badAfter(id, "the number of a job")
	}
	return []any{j.Position, j.ID}, err
}
