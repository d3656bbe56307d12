package store

import (
	"context"
	"strings"

	"github.com/grovecloud/grove"
)

const userColumns = "id, email, name, avatar_url, role, password_hash, created_at, locked_at"

func scanUser(r row) (grove.User, error) {
	var u grove.User
	err := r.Scan(&u.ID, &u.Email, &u.Name, &u.AvatarURL, &u.Role, (*string)(&u.PasswordHash), instant{&u.CreatedAt}, instant{&u.LockedAt})
	return u, err
}

// emailKey is what makes two addresses the same.
func emailKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

func emailTaken(u grove.User) *grove.Error {
	return grove.Errorf(grove.Conflict, "email_taken", "There is an account with the address %s already.", u.Email)
}

// CreateUser adds an account and gives it its number. Conflict email_taken when
// the address, in any case, has an account. Acts are the new user's own.
func (db *DB) CreateUser(ctx context.Context, u grove.User, acts ...grove.AuditEntry) (grove.User, error) {
	err := db.change(ctx, "create user", func(t *tx) (err error) {
		u, err = t.addUser(ctx, u, acts)
		return err
	})
	return u, err
}

// CreateFirstUser is CreateUser as long as there is no account: Conflict
// setup_done otherwise, also when two callers try at once.
func (db *DB) CreateFirstUser(ctx context.Context, u grove.User, acts ...grove.AuditEntry) (grove.User, error) {
	err := db.change(ctx, "create first user", func(t *tx) (err error) {
		// Numbering makes others wait, so that the count below holds.
		if u, err = t.addUser(ctx, u, acts); err != nil {
			return err
		}
		n, err := one(ctx, t, scanned[int], `SELECT count(*) FROM users`)
		if err == nil && n > 1 {
			return setupDone()
		}
		return err
	})
	if grove.HasReason(err, "email_taken") {
		return u, setupDone()
	}
	return u, err
}

// CreateInvitedUser is CreateUser for whoever holds the invitation with this hash,
// which use spends or refuses. NotFound when there is none.
func (db *DB) CreateInvitedUser(ctx context.Context, u grove.User, hash string, use func(*grove.Pass) error, acts ...grove.AuditEntry) (grove.User, error) {
	err := db.change(ctx, "create invited user", func(t *tx) (err error) {
		if _, err := t.updatePass(ctx, grove.InvitationPass, hash, use); err != nil {
			return err
		}
		u, err = t.addUser(ctx, u, acts)
		return err
	})
	return u, err
}

func setupDone() *grove.Error {
	return grove.Errorf(grove.Conflict, "setup_done", "This installation has an owner already. Sign in, or ask the owner for an account.")
}

func (t *tx) addUser(ctx context.Context, u grove.User, acts []grove.AuditEntry) (grove.User, error) {
	var err error
	if u.ID, err = t.count(ctx, countUsers, firstUser); err != nil {
		return u, err
	}
	_, err = exec(ctx, t, insertInto("users", userColumns+", email_key"),
		u.ID, u.Email, u.Name, u.AvatarURL, string(u.Role), string(u.PasswordHash), millis(u.CreatedAt), millis(u.LockedAt), emailKey(u.Email))
	if err != nil {
		return u, onUnique(err, emailTaken(u))
	}
	if err := t.rightsChange(ctx); err != nil {
		return u, err
	}
	for _, a := range acts {
		a.UserID, a.Actor = u.ID, grove.Actor{Kind: grove.ActorUser, UserID: u.ID}.String()
		if err := t.addAudit(ctx, []grove.AuditEntry{a}); err != nil {
			return u, err
		}
	}
	return one(ctx, t, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, u.ID)
}

// User finds an account by its number; NotFound when there is none.
func (db *DB) User(ctx context.Context, id int64) (grove.User, error) {
	u, err := one(ctx, db.read, scanUser, `SELECT `+userColumns+` FROM users WHERE id = $1`, id)
	return u, fault("find user", onMissing(err, noUser(id)))
}

func noUser(id int64) *grove.Error {
	return grove.Errorf(grove.NotFound, "user_not_found", "There is no user %d.", id)
}

// UserByEmail finds an account by its address in any case; NotFound when there
// is none.
func (db *DB) UserByEmail(ctx context.Context, email string) (grove.User, error) {
	u, err := one(ctx, db.read, scanUser, `SELECT `+userColumns+` FROM users WHERE email_key = $1`, emailKey(email))
	return u, fault("find user", onMissing(err, grove.Errorf(grove.NotFound, "user_not_found", "There is no account with the address %s.", email)))
}

// UpdateUser changes an account through fn. The number, the time of creation and
// whether it is locked stay. NotFound when there is none, Conflict email_taken as in CreateUser.
func (db *DB) UpdateUser(ctx context.Context, id int64, fn func(*grove.User) error, acts ...grove.AuditEntry) (grove.User, error) {
	var u grove.User
	err := db.change(ctx, "update user", func(t *tx) (err error) {
		if err := t.lock(ctx, "users", "id = $1", id); err != nil {
			return err
		}
		find := `SELECT ` + userColumns + ` FROM users WHERE id = $1`
		if u, err = one(ctx, t, scanUser, find, id); err != nil {
			return onMissing(err, noUser(id))
		}
		role := u.Role
		if err := fn(&u); err != nil {
			return err
		}
		if u.Role != role {
			if err := t.rightsChange(ctx); err != nil {
				return err
			}
		}
		_, err = exec(ctx, t, `
			UPDATE users SET email = $1, email_key = $2, name = $3, avatar_url = $4, role = $5, password_hash = $6
			WHERE id = $7`,
			u.Email, emailKey(u.Email), u.Name, u.AvatarURL, string(u.Role), string(u.PasswordHash), id)
		if err != nil {
			return onUnique(err, emailTaken(u))
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		u, err = one(ctx, t, scanUser, find, id)
		return err
	})
	return u, err
}

// UserCount says how many accounts there are.
func (db *DB) UserCount(ctx context.Context) (int, error) {
	n, err := one(ctx, db.read, scanned[int], `SELECT count(*) FROM users`)
	return n, fault("count users", err)
}
