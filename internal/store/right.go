package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/grovecloud/grove"
)

// rightsChange makes everybody read the grants again once this transaction is
// committed.
func (t *tx) rightsChange(ctx context.Context) error {
	_, err := t.count(ctx, countRights, 1)
	return err
}

// GrantsVersion grows with each change of what Grants gives.
func (db *DB) GrantsVersion(ctx context.Context) (int64, error) {
	n, err := one(ctx, db.read, scanned[int64], `SELECT value FROM counters WHERE name = $1`, countRights)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return n, fault("read version of grants", err)
}

// Grants is all that rights are made of. What changes meanwhile has a later
// version.
func (db *DB) Grants(ctx context.Context) (grove.Grants, error) {
	version, err := db.GrantsVersion(ctx)
	if err != nil {
		return grove.Grants{}, err
	}
	g := grove.Grants{Version: version, Roles: map[int64]grove.Role{}}
	users, err := all(ctx, db.read, scanRole, `SELECT id, role, locked_at FROM users ORDER BY id`)
	if err != nil {
		return g, fault("read roles", err)
	}
	for _, u := range users {
		g.Roles[u.ID] = u.Role
		if u.Locked() {
			g.Locked = append(g.Locked, u.ID)
		}
	}
	if g.Keys, err = all(ctx, db.read, scanKey, `SELECT `+keyColumns+` FROM api_keys WHERE revoked_at = 0 ORDER BY id`); err != nil {
		return g, fault("read keys", err)
	}
	if g.Bridges, err = all(ctx, db.read, scanBridge, `SELECT `+bridgeColumns+` FROM bridges WHERE revoked_at = 0 ORDER BY id`); err != nil {
		return g, fault("read bridges", err)
	}
	g.Shares, err = all(ctx, db.read, scanShare, `SELECT `+shareColumns+` FROM `+shareTables+` WHERE ended_at = 0 AND user_id <> 0 ORDER BY shares.id`)
	return g, fault("read shares", err)
}

func scanRole(r row) (grove.User, error) {
	var u grove.User
	err := r.Scan(&u.ID, &u.Role, instant{&u.LockedAt})
	return u, err
}

// SetRole gives an account another role, as fn decides from what it is and how
// many owners there are that are not locked.
func (db *DB) SetRole(ctx context.Context, id int64, fn func(u grove.User, owners int) (grove.Role, error), acts ...grove.AuditEntry) (grove.User, error) {
	var u grove.User
	err := db.change(ctx, "set role", func(t *tx) error {
		// Counting makes others wait, so that two owners can't unmake each other.
		if err := t.rightsChange(ctx); err != nil {
			return err
		}
		find := `SELECT ` + userColumns + ` FROM users WHERE id = $1`
		before, err := one(ctx, t, scanUser, find, id)
		if err != nil {
			return onMissing(err, noUser(id))
		}
		owners, err := t.owners(ctx)
		if err != nil {
			return err
		}
		role, err := fn(before, owners)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, t, `UPDATE users SET role = $1 WHERE id = $2`, string(role), id); err != nil {
			return err
		}
		u, err = one(ctx, t, scanUser, find, id)
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return u, err
}

// owners counts those who can still come in.
func (t *tx) owners(ctx context.Context) (int, error) {
	return one(ctx, t, scanned[int], `SELECT count(*) FROM users WHERE role = $1 AND locked_at = 0`, string(grove.Owner))
}

// Users lists the accounts, the newest first.
func (db *DB) Users(ctx context.Context, page grove.Page) (grove.List[grove.User], error) {
	return list(ctx, db, listing{columns: userColumns, from: "users", keys: []string{"id"}, cursor: byNumber}, page, scanUser)
}
