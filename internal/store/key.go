package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const keyColumns = "id, user_id, name, hash, scopes, all_printers, printers, network, created_at, expires_at, revoked_at, " + useColumns

func scanKey(r row) (grove.Key, error) {
	var k grove.Key
	err := r.Scan(&k.ID, &k.UserID, &k.Name, &k.Hash, document{&k.Scopes}, &k.AllPrinters, document{&k.Printers}, &k.Network,
		instant{&k.CreatedAt}, instant{&k.ExpiresAt}, instant{&k.RevokedAt}, instant{&k.UsedAt}, &k.UsedFrom, &k.UsedBy, &k.UsedOver)
	return k, err
}

// CreateKey adds an API key under the id it comes with.
func (db *DB) CreateKey(ctx context.Context, k grove.Key, acts ...grove.AuditEntry) error {
	scopes, err := toJSON(k.Scopes)
	if err != nil {
		return err
	}
	printers, err := toJSON(k.Printers)
	if err != nil {
		return err
	}
	return db.change(ctx, "create key", func(t *tx) error {
		_, err := exec(ctx, t, insertInto("api_keys", keyColumns), k.ID, k.UserID, k.Name, k.Hash, scopes, k.AllPrinters, printers, k.Network,
			millis(k.CreatedAt), millis(k.ExpiresAt), millis(k.RevokedAt), millis(k.UsedAt), k.UsedFrom, k.UsedBy, k.UsedOver)
		if err != nil {
			return err
		}
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// Keys lists a user's keys, the newest first, also those that have ended.
func (db *DB) Keys(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Key], error) {
	l := listing{columns: keyColumns, from: "api_keys", keys: []string{"id"}, cursor: byID("key_")}
	l.and("user_id = ?", userID)
	return list(ctx, db, l, page, scanKey)
}

// RevokeKey ends a user's key; one that has ended keeps its first end. NotFound
// when the user has none of this id.
func (db *DB) RevokeKey(ctx context.Context, userID int64, id string, at time.Time, acts ...grove.AuditEntry) error {
	return db.change(ctx, "revoke key", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE api_keys SET revoked_at = CASE WHEN revoked_at = 0 THEN $1 ELSE revoked_at END WHERE id = $2 AND user_id = $3`,
			millis(at), id, userID)
		if err == nil && n == 0 {
			return grove.Errorf(grove.NotFound, "key_not_found", "There is no key %s in this account.", id)
		}
		if err != nil {
			return err
		}
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// useColumns are those of a session or a key that say how it was used last.
const useColumns = "used_at, used_from, used_by, used_over"

// KeyUsed notes how a key was used, unless a later use is known.
func (db *DB) KeyUsed(ctx context.Context, id string, u grove.Use) error {
	return db.used(ctx, "api_keys", id, u)
}

// SessionUsed notes how a session was used, unless a later use is known.
func (db *DB) SessionUsed(ctx context.Context, id string, u grove.Use) error {
	return db.used(ctx, "sessions", id, u)
}

func (db *DB) used(ctx context.Context, table, id string, u grove.Use) error {
	return db.change(ctx, "note use", func(t *tx) error {
		_, err := exec(ctx, t, "UPDATE "+table+" SET used_at = $1, used_from = $2, used_by = $3, used_over = $4 WHERE id = $5 AND used_at <= $1",
			millis(u.UsedAt), u.UsedFrom, u.UsedBy, u.UsedOver, id)
		return err
	})
}
