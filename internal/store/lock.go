package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

// LockUser locks an account, if may lets it, who is told what it is and how many owners
// there are that are not locked. All its sessions end, and everything that lets somebody
// through once and is the account's: codes, tickets, PINs, invitations, and links to
// printers that nobody accepted yet. Ids are those of the sessions. One that is locked
// keeps its time. NotFound when there is none.
func (db *DB) LockUser(ctx context.Context, id int64, at time.Time, may func(u grove.User, owners int) error, acts ...grove.AuditEntry) (u grove.User, ids []string, err error) {
	err = db.change(ctx, "lock account", func(t *tx) error {
		if u, err = t.judged(ctx, id, may); err != nil || u.Locked() {
			return err
		}
		u.LockedAt = at
		if _, err := exec(ctx, t, `UPDATE users SET locked_at = $1 WHERE id = $2`, millis(at), id); err != nil {
			return err
		}
		ids, err = all(ctx, t, scanned[string], `UPDATE sessions SET ended_at = $1 WHERE user_id = $2 AND ended_at = 0 RETURNING id`, millis(at), id)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, t, `DELETE FROM passes WHERE user_id = $1 AND kind <> $2`, id, string(grove.RecoveryPass)); err != nil {
			return err
		}
		if err := t.endShares(ctx, at, "user_id = 0 AND owner_id = $2", id); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return u, ids, err
}

// UnlockUser opens an account again, if may lets it. What ended stays ended.
func (db *DB) UnlockUser(ctx context.Context, id int64, may func(u grove.User, owners int) error, acts ...grove.AuditEntry) (u grove.User, err error) {
	err = db.change(ctx, "unlock account", func(t *tx) error {
		if u, err = t.judged(ctx, id, may); err != nil || !u.Locked() {
			return err
		}
		u.LockedAt = time.Time{}
		if _, err := exec(ctx, t, `UPDATE users SET locked_at = 0 WHERE id = $1`, id); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return u, err
}

// judged is an account that may allows to act on.
func (t *tx) judged(ctx context.Context, id int64, may func(u grove.User, owners int) error) (grove.User, error) {
	// Counting makes others wait, so that two owners can't lock each other out.
	if err := t.rightsChange(ctx); err != nil {
		return grove.User{}, err
	}
	if err := t.lock(ctx, "users", "id = $1", id); err != nil {
		return grove.User{}, err
	}
	u, err := one(ctx, t, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
	if err != nil {
		return u, onMissing(err, noUser(id))
	}
	owners, err := t.owners(ctx)
	if err != nil {
		return u, err
	}
	return u, may(u, owners)
}

// stillOpen refuses what a locked account may not get any more, until the commit.
func (t *tx) stillOpen(ctx context.Context, userID int64) error {
	if err := t.lock(ctx, "users", "id = $1", userID); err != nil {
		return err
	}
	locked, err := all(ctx, t, scanned[int64], `SELECT id FROM users WHERE id = $1 AND locked_at <> 0`, userID)
	if err == nil && len(locked) > 0 {
		return grove.AccountLocked()
	}
	return err
}
