package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const passColumns = "id, kind, user_id, hash, session_id, email, role, serial, tries, created_at, expires_at, used_at" //nolint:gosec // G101: names of columns

// passMemory is how long a pass is kept after its end, so that whoever comes late
// can be told that it is too old, and not that it is wrong.
const passMemory = 24 * time.Hour

func scanPass(r row) (*grove.Pass, error) {
	var p grove.Pass
	err := r.Scan(&p.ID, &p.Kind, &p.UserID, &p.Hash, &p.SessionID, &p.Email, &p.Role, &p.Serial, &p.Tries,
		instant{&p.CreatedAt}, instant{&p.ExpiresAt}, instant{&p.UsedAt})
	return &p, err
}

// AddPasses adds passes under the ids they come with, and clears away what ended
// long ago. NotFound when their user does not exist.
func (db *DB) AddPasses(ctx context.Context, passes []grove.Pass, acts ...grove.AuditEntry) error {
	return db.change(ctx, "add passes", func(t *tx) error { return t.addPasses(ctx, passes, acts) })
}

// ReplacePasses adds passes in place of all that the user has of the kind.
func (db *DB) ReplacePasses(ctx context.Context, kind grove.PassKind, userID int64, passes []grove.Pass, acts ...grove.AuditEntry) error {
	return db.change(ctx, "replace passes", func(t *tx) error {
		if err := t.dropPasses(ctx, kind, userID); err != nil {
			return err
		}
		return t.addPasses(ctx, passes, acts)
	})
}

func (t *tx) addPasses(ctx context.Context, passes []grove.Pass, acts []grove.AuditEntry) error {
	for _, p := range passes {
		_, err := exec(ctx, t, `DELETE FROM passes WHERE expires_at > 0 AND expires_at < $1`, millis(p.CreatedAt.Add(-passMemory)))
		if err != nil {
			return err
		}
		_, err = exec(ctx, t, insertInto("passes", passColumns),
			p.ID, string(p.Kind), p.UserID, p.Hash, p.SessionID, p.Email, string(p.Role), p.Serial, int64(p.Tries),
			millis(p.CreatedAt), millis(p.ExpiresAt), millis(p.UsedAt))
		if err != nil {
			return err
		}
	}
	return t.addAudit(ctx, acts)
}

// Pass finds a pass by the hash of what somebody showed; NotFound when there is none.
func (db *DB) Pass(ctx context.Context, kind grove.PassKind, hash string) (grove.Pass, error) {
	p, err := one(ctx, db.read, scanPass, `SELECT `+passColumns+` FROM passes WHERE kind = $1 AND hash = $2`, string(kind), hash)
	return *p, fault("find pass", onMissing(err, noPass()))
}

// Passes lists a user's passes of a kind, oldest first, also used and old ones.
func (db *DB) Passes(ctx context.Context, kind grove.PassKind, userID int64) ([]*grove.Pass, error) {
	passes, err := passesOf(ctx, db.read, kind, userID)
	return passes, fault("list passes", err)
}

func passesOf(ctx context.Context, c conn, kind grove.PassKind, userID int64) ([]*grove.Pass, error) {
	return all(ctx, c, scanPass, `SELECT `+passColumns+` FROM passes WHERE user_id = $1 AND kind = $2 ORDER BY id`, userID, string(kind))
}

func noPass() *grove.Error {
	return grove.Errorf(grove.NotFound, "pass_not_found", "There is no such code.")
}

// UpdatePass changes the tries, the use and the session of the pass with this hash
// through fn; NotFound when there is none.
func (db *DB) UpdatePass(ctx context.Context, kind grove.PassKind, hash string, fn func(*grove.Pass) error) (grove.Pass, error) {
	var out grove.Pass
	err := db.change(ctx, "update pass", func(t *tx) (err error) {
		out, err = t.updatePass(ctx, kind, hash, fn)
		return err
	})
	return out, err
}

func (t *tx) updatePass(ctx context.Context, kind grove.PassKind, hash string, fn func(*grove.Pass) error) (grove.Pass, error) {
	if err := t.lock(ctx, "passes", "hash = $1", hash); err != nil {
		return grove.Pass{}, err
	}
	p, err := one(ctx, t, scanPass, `SELECT `+passColumns+` FROM passes WHERE kind = $1 AND hash = $2`, string(kind), hash)
	if err != nil {
		return grove.Pass{}, onMissing(err, noPass())
	}
	if err := fn(p); err != nil {
		return grove.Pass{}, err
	}
	return *p, t.savePass(ctx, p)
}

// UpdatePasses changes all of a user's passes of a kind at once, so that of
// several who guess at the same moment each guess is counted.
func (db *DB) UpdatePasses(ctx context.Context, kind grove.PassKind, userID int64, fn func([]*grove.Pass) error, acts ...grove.AuditEntry) error {
	return db.change(ctx, "update passes", func(t *tx) error {
		if err := t.lock(ctx, "users", "id = $1", userID); err != nil {
			return err
		}
		passes, err := passesOf(ctx, t, kind, userID)
		if err != nil {
			return err
		}
		if err := fn(passes); err != nil {
			return err
		}
		for _, p := range passes {
			if err := t.savePass(ctx, p); err != nil {
				return err
			}
		}
		return t.addAudit(ctx, acts)
	})
}

func (t *tx) savePass(ctx context.Context, p *grove.Pass) error {
	_, err := exec(ctx, t, `UPDATE passes SET tries = $1, used_at = $2, session_id = $3 WHERE id = $4`,
		int64(p.Tries), millis(p.UsedAt), p.SessionID, p.ID)
	return err
}

// DropPasses removes all of a user's passes of a kind.
func (db *DB) DropPasses(ctx context.Context, kind grove.PassKind, userID int64) error {
	return db.change(ctx, "drop passes", func(t *tx) error { return t.dropPasses(ctx, kind, userID) })
}

func (t *tx) dropPasses(ctx context.Context, kind grove.PassKind, userID int64) error {
	_, err := exec(ctx, t, `DELETE FROM passes WHERE user_id = $1 AND kind = $2`, userID, string(kind))
	return err
}
