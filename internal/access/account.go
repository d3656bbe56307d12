package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// Proof shows that the person at a session is still its owner, before something
// is changed that would let others in.
type Proof struct {
	Password grove.Secret
	Code     string // of the authenticator app, or a recovery code; where the account has an app
	Remote   string
}

// Security is how an account is protected.
type Security struct {
	Mode          grove.LoginMode
	TOTP          bool
	TOTPSince     time.Time
	RecoveryCodes int
	MinPassword   int  // characters of a new password, at least
	Mail          bool // whether letters are mailed, or only logged and shown to owners
}

// Security says how the account of whoever signed in is protected.
func (a *Access) Security(ctx context.Context, actor grove.Actor) (Security, error) {
	if err := person(actor); err != nil {
		return Security{}, err
	}
	how, err := a.records.SignIn(ctx, actor.UserID)
	if err != nil {
		return Security{}, err
	}
	codes, err := a.records.Passes(ctx, grove.RecoveryPass, actor.UserID)
	if err != nil {
		return Security{}, err
	}
	s := Security{Mode: how.Mode, TOTP: how.TOTP(), TOTPSince: how.TOTPSince, MinPassword: a.minPassword, Mail: a.Mails()}
	for _, c := range codes {
		if c.Open(time.Now()) {
			s.RecoveryCodes++
		}
	}
	return s, nil
}

// SetMode says what the account signs in with from now on.
func (a *Access) SetMode(ctx context.Context, actor grove.Actor, mode grove.LoginMode, proof Proof) (Security, error) {
	if mode != grove.ByPassword && mode != grove.ByCode {
		return Security{}, wrongField("mode", "the mode must be password or code")
	}
	u, err := a.again(ctx, actor, proof)
	if err != nil {
		return Security{}, err
	}
	_, err = a.records.UpdateSignIn(ctx, u.ID, func(s *grove.SignIn) error {
		s.Mode = mode
		return nil
	}, actor.Did("user.login_mode", string(mode)))
	if err != nil {
		return Security{}, err
	}
	return a.Security(ctx, actor)
}

// passError tells what is wrong with a pass in one and the same way, so that
// nobody learns which there are.
func (a *Access) passError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, grove.NotFound):
		return loginFailed("it took too long, or there were too many wrong codes; sign in anew")
	}
	return unavailable(fmt.Errorf("use pass: %w", err))
}
