package store

import (
	"context"

	"github.com/pressly/goose/v3"
)

// dialect is all in which the two engines differ once a database is open.
type dialect struct {
	goose goose.Dialect
	// other is the suffix of migration files that are for the other engine.
	other string
	// rowLocks: rows that will be written are locked when read. SQLite has a
	// single writer and needs none.
	rowLocks bool
	// eventLock is run before events are numbered, so that numbers become
	// visible in their order and a cursor never skips a late commit.
	eventLock string
	kind      string // what the engine is called
	size      string // asks how many bytes the database has
}

var (
	sqliteDialect = dialect{
		goose: goose.DialectSQLite3, other: ".postgres.sql",
		kind: "sqlite", size: "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
	}
	postgresDialect = dialect{
		goose: goose.DialectPostgres, other: ".sqlite.sql", rowLocks: true,
		eventLock: "SELECT pg_advisory_xact_lock(4718300117)",
		kind:      "postgresql", size: "SELECT pg_database_size(current_database())",
	}
)

// lock holds the rows of table that meet condition until this transaction ends.
// What is decided on is read by a statement of its own afterwards: one that waits
// for a lock would join the new row with what other tables held before the wait.
func (t *tx) lock(ctx context.Context, table, condition string, arg any) error {
	if !t.dialect.rowLocks {
		return nil
	}
	_, err := exec(ctx, t, "SELECT 1 FROM "+table+" WHERE "+condition+" FOR UPDATE", arg)
	return err
}

// forReference ends a query whose rows must not vanish before the commit.
func (d dialect) forReference() string {
	if d.rowLocks {
		return " FOR KEY SHARE"
	}
	return ""
}

// lockEvents makes this transaction the only one that numbers events until it ends.
func (t *tx) lockEvents(ctx context.Context) error {
	if t.dialect.eventLock == "" {
		return nil
	}
	_, err := t.ExecContext(ctx, t.dialect.eventLock)
	return err
}
