package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const (
	ownShareColumns = "id, printer_serial, owner_id, user_id, role, hash, created_at, expires_at, link_until, ended_at"
	// newestEvent is the last that a guest who comes now does not see.
	newestEvent  = "(SELECT coalesce(max(id), 0) FROM events)"
	shareColumns = "shares.id, printer_serial, owner_id, user_id, shares.role, hash, shares.created_at, expires_at, link_until, ended_at, coalesce(email, '')"
	shareTables  = "shares LEFT JOIN users ON users.id = user_id"
)

func scanShare(r row) (grove.Share, error) {
	var s grove.Share
	err := r.Scan(&s.ID, &s.Serial, &s.OwnerID, &s.UserID, &s.Role, &s.Hash, instant{&s.CreatedAt},
		instant{&s.ExpiresAt}, instant{&s.LinkUntil}, instant{&s.EndedAt}, &s.Email)
	return s, err
}

func noShare() *grove.Error {
	return grove.Errorf(grove.NotFound, "share_not_found", "There is no such share of yours, or not any more.")
}

// endShares ends those that stand and meet a condition on $2.
func (t *tx) endShares(ctx context.Context, at time.Time, condition string, arg any) error {
	n, err := exec(ctx, t, `UPDATE shares SET ended_at = $1 WHERE ended_at = 0 AND `+condition, millis(at), arg)
	if err != nil || n == 0 {
		return err
	}
	return t.rightsChange(ctx)
}

// CreateShare adds a share under the id it comes with, as long as its owner has
// the printer. It takes the place of one with the same guest.
func (db *DB) CreateShare(ctx context.Context, s grove.Share, acts ...grove.AuditEntry) (grove.Share, error) {
	err := db.change(ctx, "create share", func(t *tx) error {
		p, err := t.printer(ctx, s.Serial)
		if err != nil {
			return err
		}
		if p.OwnerID == 0 || p.OwnerID != s.OwnerID {
			return grove.NoPrinter(s.Serial)
		}
		if err := t.replaceShare(ctx, s, s.CreatedAt); err != nil {
			return err
		}
		_, err = exec(ctx, t, `INSERT INTO shares (`+ownShareColumns+`, after_event) VALUES (`+placeholders(ownShareColumns)+`, `+newestEvent+`)`, s.ID, s.Serial, s.OwnerID, s.UserID, string(s.Role), s.Hash,
			millis(s.CreatedAt), millis(s.ExpiresAt), millis(s.LinkUntil), millis(s.EndedAt))
		if err != nil {
			return err
		}
		if s, err = t.share(ctx, "shares.id = $1", s.ID); err != nil {
			return err
		}
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return s, err
}

// replaceShare ends what the guest of s had of its printer before.
func (t *tx) replaceShare(ctx context.Context, s grove.Share, at time.Time) error {
	if s.UserID == 0 {
		return nil
	}
	_, err := exec(ctx, t, `UPDATE shares SET ended_at = $1 WHERE ended_at = 0 AND printer_serial = $2 AND user_id = $3 AND id <> $4`,
		millis(at), s.Serial, s.UserID, s.ID)
	return err
}

func (t *tx) share(ctx context.Context, condition string, arg any) (grove.Share, error) {
	s, err := one(ctx, t, scanShare, `SELECT `+shareColumns+` FROM `+shareTables+` WHERE `+condition, arg)
	return s, onMissing(err, noShare())
}

// AcceptShare makes userID the guest of the link whose token has this hash. NotFound
// when there is no such link, or it was accepted, has ended or is too old.
func (db *DB) AcceptShare(ctx context.Context, hash string, userID int64, at time.Time, act func(grove.Share) ([]grove.AuditEntry, error)) (grove.Share, error) {
	var s grove.Share
	err := db.change(ctx, "accept share", func(t *tx) error {
		// Others that accept the same wait here, and then find it taken.
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		var err error
		if s, err = t.share(ctx, "hash = $1", hash); err != nil {
			return err
		}
		late := !s.LinkUntil.IsZero() && !at.Before(s.LinkUntil) || !s.ExpiresAt.IsZero() && !at.Before(s.ExpiresAt)
		if s.UserID != 0 || !s.EndedAt.IsZero() || late {
			return noShare()
		}
		acts, err := act(s)
		if err != nil {
			return err
		}
		s.UserID = userID
		if err := t.replaceShare(ctx, s, at); err != nil {
			return err
		}
		if _, err := exec(ctx, t, `UPDATE shares SET user_id = $1, link_until = 0, after_event = `+newestEvent+` WHERE id = $2`, userID, s.ID); err != nil {
			return err
		}
		if s, err = t.share(ctx, "shares.id = $1", s.ID); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return s, err
}

// EndShare ends a share, for its owner or its guest. NotFound when it is neither's
// or has ended.
func (db *DB) EndShare(ctx context.Context, id string, userID int64, at time.Time, act func(grove.Share) []grove.AuditEntry) error {
	return db.change(ctx, "end share", func(t *tx) error {
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		s, err := t.share(ctx, "shares.id = $1", id)
		if err != nil {
			return err
		}
		if userID == 0 || s.OwnerID != userID && s.UserID != userID || !s.EndedAt.IsZero() {
			return noShare()
		}
		if _, err := exec(ctx, t, `UPDATE shares SET ended_at = $1 WHERE id = $2`, millis(at), id); err != nil {
			return err
		}
		return t.addAudit(ctx, act(s))
	})
}

// Shares lists what a user gave and got and has not ended, the newest first; of
// one printer only, unless serial is empty.
func (db *DB) Shares(ctx context.Context, userID int64, serial string, page grove.Page) (grove.List[grove.Share], error) {
	l := listing{columns: shareColumns, from: shareTables, keys: []string{"shares.id"}, cursor: byID("sha_")}
	l.and("ended_at = 0")
	l.and("(owner_id = ? OR user_id = ?)", userID, userID)
	if serial != "" {
		l.and("printer_serial = ?", serial)
	}
	return list(ctx, db, l, page, scanShare)
}
