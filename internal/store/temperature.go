package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// SaveTemperatures writes stretches, over what they held before.
func (db *DB) SaveTemperatures(ctx context.Context, stretches []grove.Stretch) error {
	if len(stretches) == 0 {
		return nil
	}
	// In one order everywhere, so that two batches cannot wait for each other.
	stretches = slices.SortedFunc(slices.Values(stretches), func(a, b grove.Stretch) int {
		return strings.Compare(a.Serial, b.Serial)
	})
	return db.change(ctx, "save temperatures", func(t *tx) error {
		save, err := t.PrepareContext(ctx, `
			INSERT INTO temperatures (printer_serial, user_id, began_at, samples) VALUES ($1, $2, $3, $4)
			ON CONFLICT (printer_serial, user_id, began_at) DO UPDATE SET samples = excluded.samples`)
		if err != nil {
			return err
		}
		defer func() { _ = save.Close() }() // ends with the transaction at the latest
		for _, s := range stretches {
			if _, err := save.ExecContext(ctx, storable([]any{s.Serial, s.OwnerID, millis(s.BeganAt), s.Samples})...); err != nil {
				return err
			}
		}
		return nil
	})
}

// Temperatures are the stretches of a printer under one owner that began from from to
// before to, the oldest first.
func (db *DB) Temperatures(ctx context.Context, serial string, ownerID int64, from, to time.Time) ([]grove.Stretch, error) {
	found, err := all(ctx, db.read, func(r row) (s grove.Stretch, err error) {
		err = r.Scan(&s.Serial, &s.OwnerID, instant{&s.BeganAt}, &s.Samples)
		return s, err
	}, `SELECT printer_serial, user_id, began_at, samples FROM temperatures
		WHERE printer_serial = $1 AND user_id = $2 AND began_at >= $3 AND began_at < $4 ORDER BY began_at`,
		serial, ownerID, millis(from), millis(to))
	return found, fault("find temperatures", err)
}

func pruneTemperatures(ctx context.Context, t *tx, before time.Time) (int64, error) {
	return exec(ctx, t, `
		DELETE FROM temperatures WHERE began_at < $2
		AND began_at <= coalesce((SELECT max(began_at) FROM (SELECT began_at FROM temperatures ORDER BY began_at LIMIT $1) first), 0)`, pruneAtOnce, millis(before))
}
