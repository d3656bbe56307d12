// Package store remembers: users, printers, jobs, files, events and webhooks,
// in an SQLite file or in PostgreSQL.
//
// A record is changed through a closure that decides; the store loads and locks
// the record, checks its version, saves it and adds the events in the same
// transaction. A closure may run more than once, each time with fresh state, and
// must do nothing but decide. Nobody is told of an event before it is committed.
// What people did (acts) is written to the audit log in the transaction of what
// it changed.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/grovecloud/grove"
)

// maxTries is how often a change begins anew when another was faster.
const maxTries = 10

// errStale ends a try whose record was changed by somebody else meanwhile.
var errStale = errors.New("record changed meanwhile")

// DB is an open database. It is safe for concurrent use.
type DB struct {
	write   *sql.DB // one connection on SQLite
	read    *sql.DB // the same pool as write on PostgreSQL
	dialect dialect
	seal    sealer
	tell    func([]grove.Event)
	post    post
	// audience is who else sees the events of a printer.
	audience func(serial string, ownerID int64) []int64
}

// Close closes all connections, after running statements have ended.
func (db *DB) Close() error {
	db.post.mu.Lock()
	db.post.leave()
	db.post.mu.Unlock()
	if db.read == db.write {
		return db.write.Close()
	}
	return errors.Join(db.read.Close(), db.write.Close())
}

// Ping reports whether the database answers: Unavailable when not.
func (db *DB) Ping(ctx context.Context) error {
	if err := db.read.PingContext(ctx); err != nil {
		return fault("ping database", err)
	}
	return nil
}

// tx is a transaction and the events it has added so far.
type tx struct {
	*sql.Tx
	dialect dialect
	seal    sealer
	told    []grove.Event
	// audience is the database's.
	audience func(serial string, ownerID int64) []int64
}

// change runs fn in a transaction, again with fresh state when another change
// came between, and tells of the added events once all is committed. Nothing but
// SQL may happen inside fn.
func (db *DB) change(ctx context.Context, what string, fn func(*tx) error) error {
	for try := 1; ; try++ {
		told, err := db.try(ctx, fn)
		if err == nil {
			if len(told) > 0 {
				db.tell(told)
			}
			return nil
		}
		if !again(err) {
			return fault(what, err)
		}
		if try == maxTries {
			return &grove.Error{
				Code: grove.Unavailable, Reason: "database_busy",
				Message: "Others keep changing the same record. Try again.",
				Err:     fmt.Errorf("%s: %w", what, err),
			}
		}
	}
}

func (db *DB) try(ctx context.Context, fn func(*tx) error) ([]grove.Event, error) {
	sqlTx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer sqlTx.Rollback() // after a commit it does nothing
	t := &tx{Tx: sqlTx, dialect: db.dialect, seal: db.seal, audience: db.audience}
	if err := fn(t); err != nil {
		return nil, err
	}
	err = sqlTx.Commit()
	if errors.Is(err, sql.ErrTxDone) && ctx.Err() != nil {
		err = ctx.Err() // which is what ended the transaction
	}
	return t.told, err
}
