package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/grovecloud/grove"
)

const signInColumns = "user_id, mode, totp_secret, totp_since, totp_step"

func totpPlace(userID int64) place {
	return place{"sign_ins", "totp_secret", strconv.FormatInt(userID, 10)}
}

// SignIn says how an account signs in.
func (db *DB) SignIn(ctx context.Context, userID int64) (grove.SignIn, error) {
	s, err := signIn(ctx, db.read, db.seal, userID)
	return s, fault("find sign-in", err)
}

func signIn(ctx context.Context, c conn, seal sealer, userID int64) (grove.SignIn, error) {
	s := grove.SignIn{UserID: userID, Mode: grove.ByPassword}
	var sealed []byte
	scan := func(r row) (grove.SignIn, error) {
		err := r.Scan(&s.UserID, &s.Mode, &sealed, instant{&s.TOTPSince}, &s.TOTPStep)
		return s, err
	}
	_, err := one(ctx, c, scan, `SELECT `+signInColumns+` FROM sign_ins WHERE user_id = $1`, userID)
	if errors.Is(err, sql.ErrNoRows) {
		return grove.SignIn{UserID: userID, Mode: grove.ByPassword}, nil
	}
	if err != nil || len(sealed) == 0 {
		return s, err
	}
	plain, err := seal.open(totpPlace(userID), sealed)
	s.TOTPSecret = grove.Secret(plain)
	return s, err
}

// UpdateSignIn changes how an account signs in through fn. NotFound when there is
// no such account.
func (db *DB) UpdateSignIn(ctx context.Context, userID int64, fn func(*grove.SignIn) error, acts ...grove.AuditEntry) (grove.SignIn, error) {
	var s grove.SignIn
	err := db.change(ctx, "update sign-in", func(t *tx) (err error) {
		if err := t.lock(ctx, "users", "id = $1", userID); err != nil {
			return err
		}
		if s, err = signIn(ctx, t, db.seal, userID); err != nil {
			return err
		}
		if err := fn(&s); err != nil {
			return err
		}
		var sealed []byte
		if s.TOTPSecret != "" {
			sealed = db.seal.seal(totpPlace(userID), []byte(string(s.TOTPSecret)))
		}
		_, err = exec(ctx, t, insertInto("sign_ins", signInColumns)+`
			ON CONFLICT (user_id) DO UPDATE SET mode = $2, totp_secret = $3, totp_since = $4, totp_step = $5`,
			userID, string(s.Mode), sealed, millis(s.TOTPSince), s.TOTPStep)
		if err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return s, err
}
