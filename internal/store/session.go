package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const sessionColumns = "id, user_id, client, created_at, confirmed_at, expires_at, ended_at, " + useColumns

func scanSession(r row) (grove.Session, error) {
	var s grove.Session
	err := r.Scan(&s.ID, &s.UserID, &s.Client, instant{&s.CreatedAt}, instant{&s.ConfirmedAt}, instant{&s.ExpiresAt}, instant{&s.EndedAt},
		instant{&s.UsedAt}, &s.UsedFrom, &s.UsedBy, &s.UsedOver)
	return s, err
}

// CreateSession adds a session under the id it comes with. NotFound when its
// user does not exist, Forbidden account_locked when it is locked.
func (db *DB) CreateSession(ctx context.Context, s grove.Session, acts ...grove.AuditEntry) error {
	return db.change(ctx, "create session", func(t *tx) error {
		if err := t.stillOpen(ctx, s.UserID); err != nil {
			return err
		}
		_, err := exec(ctx, t, insertInto("sessions", sessionColumns),
			s.ID, s.UserID, s.Client, millis(s.CreatedAt), millis(s.ConfirmedAt), millis(s.ExpiresAt), millis(s.EndedAt),
			millis(s.UsedAt), s.UsedFrom, s.UsedBy, s.UsedOver)
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// Session finds a session, also one that has ended or expired; NotFound when
// there never was one.
func (db *DB) Session(ctx context.Context, id string) (grove.Session, error) {
	s, err := one(ctx, db.read, scanSession, `SELECT `+sessionColumns+` FROM sessions WHERE id = $1`, id)
	return s, fault("find session", onMissing(err, noSession()))
}

func noSession() *grove.Error {
	return grove.Errorf(grove.NotFound, "session_not_found", "There is no such session.")
}

// ExtendSession lets a session that has not ended live on until then; NotFound
// when there is none.
func (db *DB) ExtendSession(ctx context.Context, id string, until time.Time) error {
	return db.change(ctx, "extend session", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE sessions SET expires_at = $1 WHERE id = $2 AND ended_at = 0`, millis(until), id)
		if err == nil && n == 0 {
			return noSession()
		}
		return err
	})
}

// ConfirmSession notes when the person at a session that has not ended proved that
// it is them; NotFound when there is none.
func (db *DB) ConfirmSession(ctx context.Context, id string, at time.Time, acts ...grove.AuditEntry) error {
	return db.change(ctx, "confirm session", func(t *tx) error {
		n, err := exec(ctx, t, `UPDATE sessions SET confirmed_at = $1 WHERE id = $2 AND ended_at = 0`, millis(at), id)
		if err == nil && n == 0 {
			return noSession()
		}
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// EndSession ends a session. One that has ended keeps its first end.
func (db *DB) EndSession(ctx context.Context, id string, at time.Time, acts ...grove.AuditEntry) error {
	return db.change(ctx, "end session", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE sessions SET ended_at = CASE WHEN ended_at = 0 THEN $1 ELSE ended_at END WHERE id = $2`,
			millis(at), id)
		if err == nil && n == 0 {
			return noSession()
		}
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// EndSessions ends all sessions of a user but one, and says which.
func (db *DB) EndSessions(ctx context.Context, userID int64, but string, at time.Time, acts ...grove.AuditEntry) (ids []string, err error) {
	err = db.change(ctx, "end sessions", func(t *tx) (err error) {
		ids, err = all(ctx, t, scanned[string], `
			UPDATE sessions SET ended_at = $1 WHERE user_id = $2 AND id <> $3 AND ended_at = 0 RETURNING id`,
			millis(at), userID, but)
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return ids, err
}

// Sessions lists a user's sessions that have neither ended nor expired, newest first.
func (db *DB) Sessions(ctx context.Context, userID int64, now time.Time, page grove.Page) (grove.List[grove.Session], error) {
	l := listing{columns: sessionColumns, from: "sessions", keys: []string{"id"}, cursor: byID("ses_")}
	l.and("user_id = ?", userID)
	l.and("ended_at = 0")
	l.and("expires_at > ?", millis(now))
	return list(ctx, db, l, page, scanSession)
}
