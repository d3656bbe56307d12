package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

const bridgeColumns = "id, user_id, name, hash, created_at, revoked_at, epoch, since, version, address"

func scanBridge(r row) (grove.Bridge, error) {
	var b grove.Bridge
	err := r.Scan(&b.ID, &b.UserID, &b.Name, &b.Hash, instant{&b.CreatedAt}, instant{&b.RevokedAt}, &b.Epoch, instant{&b.Since}, &b.Version, &b.Address)
	return b, err
}

// CreateBridge adds a bridge under the id it comes with.
func (db *DB) CreateBridge(ctx context.Context, b grove.Bridge, acts ...grove.AuditEntry) error {
	return db.change(ctx, "create bridge", func(t *tx) error {
		_, err := exec(ctx, t, insertInto("bridges", bridgeColumns), b.ID, b.UserID, b.Name, b.Hash, millis(b.CreatedAt), millis(b.RevokedAt),
			b.Epoch, millis(b.Since), b.Version, b.Address)
		if err != nil {
			return err
		}
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}

// Bridges lists a user's bridges, the newest first, also those that were removed.
func (db *DB) Bridges(ctx context.Context, userID int64, page grove.Page) (grove.List[grove.Bridge], error) {
	l := listing{columns: bridgeColumns, from: "bridges", keys: []string{"id"}, cursor: byID("bridge_")}
	l.and("user_id = ?", userID)
	return list(ctx, db, l, page, scanBridge)
}

// RevokeBridge ends a user's bridge; one that has ended keeps its first end. NotFound
// when the user has none of this id.
func (db *DB) RevokeBridge(ctx context.Context, userID int64, id string, at time.Time, acts ...grove.AuditEntry) error {
	return db.change(ctx, "revoke bridge", func(t *tx) error {
		n, err := exec(ctx, t, `
			UPDATE bridges SET revoked_at = CASE WHEN revoked_at = 0 THEN $1 ELSE revoked_at END WHERE id = $2 AND user_id = $3`,
			millis(at), id, userID)
		if err == nil && n == 0 {
			return grove.NoBridge(id)
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

// BridgeCame notes when and from where a bridge comes, and counts it: the epoch in
// the answer is greater than that of every arrival before. NotFound when it was
// revoked.
func (db *DB) BridgeCame(ctx context.Context, id string, seen grove.BridgeSeen) (grove.BridgeSeen, error) {
	err := db.change(ctx, "note arrival of bridge", func(t *tx) (err error) {
		seen.Epoch, err = one(ctx, t, scanned[int64], `
			UPDATE bridges SET epoch = epoch + 1, since = $1, version = $2, address = $3 WHERE id = $4 AND revoked_at = 0 RETURNING epoch`,
			millis(seen.Since), seen.Version, seen.Address, id)
		return onMissing(err, grove.NoBridge(id))
	})
	return seen, err
}

// TellBridge notes what the owner of a bridge was told last, connected or not, with the
// events of b that say so. Nothing happens when they know it already. Of a bridge that
// was removed nothing is told.
func (db *DB) TellBridge(ctx context.Context, id string, connected bool, events func(b grove.Bridge) []grove.Event) error {
	return db.change(ctx, "tell of a bridge", func(t *tx) error {
		told, known := int64(0), int64(1)
		if connected {
			told, known = known, told
		}
		changed, err := all(ctx, t, scanBridge, `UPDATE bridges SET told = $1 WHERE id = $2 AND told = $3 RETURNING `+bridgeColumns, told, id, known)
		if err != nil || len(changed) == 0 || !changed[0].RevokedAt.IsZero() {
			return err
		}
		return t.addEvents(ctx, events(changed[0]))
	})
}

// ToldBridges are the ids of the bridges whose owners were told last that they are
// connected.
func (db *DB) ToldBridges(ctx context.Context) ([]string, error) {
	ids, err := all(ctx, db.read, scanned[string], "SELECT id FROM bridges WHERE told = 1 ORDER BY id")
	return ids, fault("list bridges that were told of", err)
}
