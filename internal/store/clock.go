package store

import (
	"context"

	"github.com/grovecloud/grove"
)

// ClockHold is why starts are held for the clock; the zero value when they are not.
func (db *DB) ClockHold(ctx context.Context) (grove.ClockHold, error) {
	list, err := all(ctx, db.read, func(r row) (grove.ClockHold, error) {
		var h grove.ClockHold
		err := r.Scan(&h.Why, instant{&h.Known})
		return h, err
	}, `SELECT why, known_at FROM clock_hold WHERE id = 1`)
	if err != nil || len(list) == 0 {
		return grove.ClockHold{}, fault("find the hold of the clock", err)
	}
	return list[0], nil
}

// KeepClockHold stores why starts are held, or that they are not.
func (db *DB) KeepClockHold(ctx context.Context, h grove.ClockHold) error {
	return db.change(ctx, "keep the hold of the clock", func(t *tx) error {
		_, err := exec(ctx, t, `INSERT INTO clock_hold (id, why, known_at) VALUES (1, $1, $2)
			ON CONFLICT (id) DO UPDATE SET why = excluded.why, known_at = excluded.known_at`, h.Why, millis(h.Known))
		return err
	})
}
