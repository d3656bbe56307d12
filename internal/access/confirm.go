package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// freshFor is how long a person counts as being at their session after they proved it.
const freshFor = 10 * time.Minute

// Fresh reports whether the actor is a person who proved within ten minutes, by this
// very session, that it is them. A token may have been taken meanwhile; what would
// let others in needs more.
func (a *Access) Fresh(ctx context.Context, actor grove.Actor) (bool, error) {
	if err := person(actor); err != nil {
		return false, err
	}
	s, err := a.session(ctx, actor.SessionID, actor.UserID)
	return err == nil && time.Since(s.ConfirmedAt).Abs() < freshFor, err
}

// Confirm proves again that the person at a session is its owner, by the password
// and, where the account has one, a code of the authenticator app or a recovery code.
// It says until when that counts. A wrong one is answered and counted as at a sign-in;
// code_wanted when the password was right and the code is missing.
func (a *Access) Confirm(ctx context.Context, actor grove.Actor, proof Proof) (until time.Time, err error) {
	if _, err := a.again(ctx, actor, proof); err != nil {
		return time.Time{}, err
	}
	return time.Now().Add(freshFor), nil
}

// again asks a signed-in person for all that a sign-in would: who has their token
// and their password must not get past their authenticator app, or do away with it.
// Whatever it is asked for, their session counts as [Access.Fresh] from then on,
// and the audit log has it.
// The reason is code_wanted when the password was right and the code is missing.
func (a *Access) again(ctx context.Context, actor grove.Actor, proof Proof) (grove.User, error) {
	u, err := a.User(ctx, actor)
	if err != nil {
		return grove.User{}, err
	}
	if u, err = a.prove(ctx, Credentials{Account: u.Email, Password: proof.Password, Remote: proof.Remote}); err != nil {
		return grove.User{}, err
	}
	if err := a.secondAgain(ctx, u, proof); err != nil {
		return grove.User{}, err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	err = a.records.ConfirmSession(ctx, actor.SessionID, now, actor.Did("user.confirm", ""))
	switch {
	case errors.Is(err, grove.NotFound):
		return grove.User{}, tokenInvalid("its session has ended")
	case err != nil:
		return grove.User{}, unavailable(fmt.Errorf("confirm session: %w", err))
	}
	a.logins.attempt(u.Email, proof.Remote).succeeded(now)
	return u, nil
}

func (a *Access) secondAgain(ctx context.Context, u grove.User, proof Proof) error {
	how, err := a.records.SignIn(ctx, u.ID)
	if err != nil {
		return unavailable(fmt.Errorf("read sign-in: %w", err))
	}
	if !how.TOTP() {
		return nil
	}
	if proof.Code == "" {
		e := grove.Errorf(grove.Invalid, grove.ReasonCodeWanted, "this account has an authenticator app; send a code of it, or a recovery code, with the password")
		e.Fields = map[string]string{"code": "is required"}
		return e
	}
	try := a.seconds.attempt(u.Email, proof.Remote)
	if err := try.refused(time.Now()); err != nil {
		return err
	}
	if err := a.checkSecond(ctx, try, u.ID, proof.Code); err != nil {
		return err
	}
	try.succeeded(time.Now())
	return nil
}
