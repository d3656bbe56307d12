package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const auditColumns = "at, actor, user_id, action, serial, detail"

func scanAudit(r row) (grove.AuditEntry, error) {
	var a grove.AuditEntry
	err := r.Scan(&a.ID, instant{&a.At}, &a.Actor, &a.UserID, &a.Action, &a.Serial, &a.Detail)
	return a, err
}

// AddAudit records acts that change no record, such as a command to a printer. The
// store numbers the entries.
func (db *DB) AddAudit(ctx context.Context, acts ...grove.AuditEntry) error {
	return db.change(ctx, "add audit entries", func(t *tx) error { return t.addAudit(ctx, acts) })
}

// addAudit records the acts of a transaction within it, so that neither what was
// done nor the entry about it is kept without the other.
func (t *tx) addAudit(ctx context.Context, acts []grove.AuditEntry) error {
	for _, a := range acts {
		_, err := exec(ctx, t, insertInto("audit", auditColumns), millis(a.At), a.Actor, a.UserID, a.Action, a.Serial, a.Detail)
		if err != nil {
			return err
		}
	}
	return nil
}

// Audit lists the entries that concern a user, or all when userID is 0, and that fit
// all of only.
func (db *DB) Audit(ctx context.Context, userID int64, page grove.Page, only ...grove.AuditFilter) (grove.List[grove.AuditEntry], error) {
	l := listing{columns: "id, " + auditColumns, from: "audit", keys: []string{"id"}, cursor: byNumber}
	if userID != 0 {
		l.and("user_id = ?", userID)
	}
	for _, f := range only {
		if f.Action != "" {
			l.and("substr(action, 1, ?) = ?", len(f.Action), f.Action)
		}
		if f.Actor != "" {
			l.and("actor = ?", f.Actor)
		}
		if f.Serial != "" {
			l.and("serial = ?", f.Serial)
		}
	}
	return list(ctx, db, l, page, scanAudit)
}

// LastRecord is when the newest event or act was stored; zero when there is none.
func (db *DB) LastRecord(ctx context.Context) (time.Time, error) {
	var last time.Time
	err := db.read.QueryRowContext(ctx, `SELECT max(at) FROM (
		SELECT coalesce((SELECT at FROM events ORDER BY id DESC LIMIT 1), 0) AS at
		UNION ALL SELECT coalesce((SELECT at FROM audit ORDER BY id DESC LIMIT 1), 0)) newest`).Scan(instant{&last})
	return last, fault("find the newest record", err)
}
