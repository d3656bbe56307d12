package store

import (
	"context"
	"database/sql"
)

// Raw runs a statement past all rules, for tests that look under the floor or
// break something on purpose.
func (db *DB) Raw(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return db.write.ExecContext(ctx, query, args...)
}

// RawInt reads one number past all rules.
func (db *DB) RawInt(ctx context.Context, query string, args ...any) (int64, error) {
	return one(ctx, db.write, scanned[int64], query, args...)
}

// LiftNumber sets a counter, to reach the end of the numbers.
func (db *DB) LiftNumber(ctx context.Context, name string, value int64) error {
	_, err := db.write.ExecContext(ctx, `UPDATE counters SET value = $1 WHERE name = $2`, value, name)
	return err
}

// Migrate runs the migrations that the database has not seen.
func (db *DB) Migrate(ctx context.Context) error { return db.migrate(ctx) }

// Fault shows what becomes of a driver's error.
func Fault(err error) error { return fault("test", err) }
