package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
)

// pruneAtOnce is how many rows of a table one transaction removes, so that nobody
// waits long for the database.
const pruneAtOnce = 1000

// Prune removes some of what is older than it is kept: events, notifications and
// settled deliveries from before facts, and that jobs from before had a picture, entries of the audit log from before acts,
// temperatures from before heat; the zero time keeps them all. It reports whether there may be more. A delivery
// that is still to be tried stays, and so does the newest event, by which cursors
// that are too old are told. The database itself keeps entries of the audit log for
// 400 days, whatever it is asked.
func (db *DB) Prune(ctx context.Context, facts, acts, heat time.Time) (more bool, err error) {
	for _, table := range []struct {
		name   string
		before time.Time
		prune  func(context.Context, *tx, time.Time) (int64, error)
	}{
		{"events", facts, pruneEvents},
		{"pictures of jobs", facts, prunePictures},
		{"notifications", facts, pruneMade("notifications", "ntf_", "created_at < $2")},
		{"deliveries", facts, pruneMade("deliveries", "dlv_", "created_at < $2 AND state <> 'pending' AND delivered_at < $2")},
		{"audit", acts, pruneAudit},
		{"temperatures", heat, pruneTemperatures},
	} {
		if table.before.IsZero() {
			continue
		}
		err := db.change(ctx, "prune "+table.name, func(t *tx) error {
			n, err := table.prune(ctx, t, table.before)
			more = more || n == pruneAtOnce
			return err
		})
		if err != nil {
			return false, err
		}
	}
	return more, nil
}

// pruneEvents removes them in their order: what is left begins somewhere and has no
// gaps, so that a cursor from before can be told.
func pruneEvents(ctx context.Context, t *tx, before time.Time) (int64, error) {
	return exec(ctx, t, `
		DELETE FROM events WHERE id < (
			SELECT coalesce(
				(SELECT min(id) FROM (SELECT id, at FROM events ORDER BY id LIMIT $1) first WHERE at >= $2),
				(SELECT max(id) FROM (SELECT id FROM events ORDER BY id LIMIT $1 + 1) first), 0))`,
		pruneAtOnce, millis(before))
}

// pruneMade is for tables whose ids say when they were made.
func pruneMade(table, prefix, over string) func(context.Context, *tx, time.Time) (int64, error) {
	return func(ctx context.Context, t *tx, before time.Time) (int64, error) {
		var first ulid.ULID
		if err := first.SetTime(ulid.Timestamp(before)); err != nil {
			return 0, fmt.Errorf("make id of that time: %w", err)
		}
		return exec(ctx, t, fmt.Sprintf(`DELETE FROM %[1]s WHERE id IN (SELECT id FROM %[1]s WHERE id < $1 AND %[2]s ORDER BY id LIMIT %[3]d)`,
			table, over, pruneAtOnce), prefix+strings.ToLower(first.String()), millis(before))
	}
}

// prunePictures forgets pictures, whose contents are removed by whoever keeps those.
func prunePictures(ctx context.Context, t *tx, before time.Time) (int64, error) {
	return exec(ctx, t, `
		UPDATE jobs SET pictured_at = 0, version = version + 1
		WHERE id IN (SELECT id FROM jobs WHERE pictured_at > 0 AND pictured_at < $2 ORDER BY pictured_at LIMIT $1)`, pruneAtOnce, millis(before))
}

func pruneAudit(ctx context.Context, t *tx, before time.Time) (int64, error) {
	return exec(ctx, t, `DELETE FROM audit WHERE at < $2 AND id IN (SELECT id FROM audit ORDER BY id LIMIT $1)`, pruneAtOnce, millis(before))
}
