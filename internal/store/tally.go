package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const tallyColumns = "kind, hash, count, times, until, ends_at"

func scanTally(r row) (grove.Tally, error) {
	var t grove.Tally
	err := r.Scan(&t.Kind, &t.Hash, &t.Count, document{&t.Times}, instant{&t.Until}, instant{&t.EndsAt})
	return t, err
}

// Tallies gives all that was counted and is not over, what lasts longest last.
func (db *DB) Tallies(ctx context.Context, now time.Time) ([]grove.Tally, error) {
	list, err := all(ctx, db.read, scanTally,
		`SELECT `+tallyColumns+` FROM tallies WHERE ends_at > $1 ORDER BY ends_at`, millis(now))
	return list, fault("list tallies", err)
}

// SaveTallies writes down what was counted, in place of what was there, and clears
// away what is over now. Of each kind that is written to, only the most that last
// longest are kept.
func (db *DB) SaveTallies(ctx context.Context, tallies []grove.Tally, now time.Time, most int) error {
	return db.change(ctx, "save tallies", func(t *tx) error {
		kinds := map[string]bool{}
		for _, tally := range tallies {
			kinds[tally.Kind] = true
			times, err := toJSON(tally.Times)
			if err != nil {
				return err
			}
			_, err = exec(ctx, t, insertInto("tallies", tallyColumns)+`
				ON CONFLICT (kind, hash) DO UPDATE SET count = $3, times = $4, until = $5, ends_at = $6`,
				tally.Kind, tally.Hash, int64(tally.Count), times, millis(tally.Until), millis(tally.EndsAt))
			if err != nil {
				return err
			}
		}
		if _, err := exec(ctx, t, `DELETE FROM tallies WHERE ends_at <= $1`, millis(now)); err != nil {
			return err
		}
		for kind := range kinds {
			_, err := exec(ctx, t, `DELETE FROM tallies WHERE kind = $1 AND ends_at <=
				(SELECT ends_at FROM tallies WHERE kind = $1 ORDER BY ends_at DESC LIMIT 1 OFFSET $2)`, kind, int64(most))
			if err != nil {
				return err
			}
		}
		return nil
	})
}
