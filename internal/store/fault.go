package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/grovecloud/grove"
)

// cause is what a driver's error means, whichever driver it is.
type cause int

const (
	causeOther cause = iota
	causeUnique
	causeMissing // a row that this one needs
	causeFull
	causeBusy
	causeDown
	causeRace // begin again and it may work
)

// causeOf reads the code of a driver's error.
func causeOf(err error) cause {
	var lite *sqlite.Error
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case errors.As(err, &lite):
		return sqliteCause(lite.Code())
	case errors.As(err, &pg):
		return postgresCause(pg.Code)
	case errors.As(err, &connect), errors.As(err, &network):
		return causeDown
	}
	return causeOther
}

// sqliteCause reads an extended result code; its low byte is the primary one.
// https://www.sqlite.org/rescode.html
func sqliteCause(code int) cause {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return causeUnique
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return causeMissing
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR:
		return causeFull
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return causeBusy
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return causeDown
	}
	return causeOther
}

// postgresCause reads an SQLSTATE.
// https://www.postgresql.org/docs/current/errcodes-appendix.html
func postgresCause(state string) cause {
	switch state {
	case "23505":
		return causeUnique
	case "23503":
		return causeMissing
	case "53100":
		return causeFull
	case "40001", "40P01":
		return causeRace
	case "55P03", "25P03":
		return causeBusy
	}
	switch {
	case strings.HasPrefix(state, "53"):
		return causeBusy
	case strings.HasPrefix(state, "08"), strings.HasPrefix(state, "57P"):
		return causeDown
	}
	return causeOther
}

// again reports whether a change that failed with err should begin anew.
func again(err error) bool {
	return errors.Is(err, errStale) || causeOf(err) == causeRace
}

// fault turns a driver's error into one of ours. Errors that are ours already,
// such as those of a closure, and the end of the context stay what they are.
func fault(what string, err error) error {
	var ours *grove.Error
	if err == nil || errors.As(err, &ours) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	wrapped := fmt.Errorf("%s: %w", what, err)
	if errors.Is(err, sql.ErrNoRows) {
		return &grove.Error{Code: grove.NotFound, Reason: "not_found", Message: "There is no such record.", Err: wrapped}
	}
	switch causeOf(err) {
	case causeUnique:
		return &grove.Error{Code: grove.Conflict, Reason: "exists_already", Message: "There is such a record already.", Err: wrapped}
	case causeMissing:
		return &grove.Error{Code: grove.NotFound, Reason: "not_found", Message: "What this belongs to does not exist.", Err: wrapped}
	case causeFull:
		return &grove.Error{
			Code: grove.Unavailable, Reason: grove.ReasonDiskFull,
			Message: "The disk that holds the database is full or cannot be written, so nothing was saved. Free some space there and try again.",
			Err:     wrapped,
		}
	case causeBusy, causeRace:
		return &grove.Error{
			Code: grove.Unavailable, Reason: "database_busy",
			Message: "The database is too busy to answer in time. Try again in a moment.", Err: wrapped,
		}
	case causeDown:
		return &grove.Error{
			Code: grove.Unavailable, Reason: "database_unreachable",
			Message: "The database does not answer. Check that it runs and may be written, then try again.", Err: wrapped,
		}
	case causeOther:
	}
	return wrapped
}

// onUnique replaces err by refusal when err says that such a row exists.
func onUnique(err error, refusal *grove.Error) error {
	if err == nil || causeOf(err) != causeUnique {
		return err
	}
	refusal.Err = err
	return refusal
}

// onMissing replaces err by refusal when no row was found.
func onMissing(err error, refusal *grove.Error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return refusal
	}
	return err
}
