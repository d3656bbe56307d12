package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// ChangePassword gives the account of whoever signed in a new password, and ends
// its other sessions: somebody may have known the old one.
func (a *Access) ChangePassword(ctx context.Context, actor grove.Actor, password grove.Secret, proof Proof) error {
	if err := a.checkPassword(password); err != nil {
		return err
	}
	u, err := a.again(ctx, actor, proof)
	if err != nil {
		return err
	}
	if err := a.setPassword(ctx, u.ID, password); err != nil {
		return err
	}
	return a.endOld(ctx, u.ID, actor.SessionID)
}

// Reset gives an account a new password for a code that was mailed, or that an
// owner handed over, and ends all its sessions, API keys and bridges: whoever had the old
// password may have made some. An authenticator app stays.
func (a *Access) Reset(ctx context.Context, email, code string, password grove.Secret, remote string) error {
	if err := a.checkPassword(password); err != nil {
		return err // before the code, which works once
	}
	u, err := a.guessed(ctx, grove.ResetPass, Credentials{Account: email, Code: code, Remote: remote})
	if err != nil {
		return err
	}
	if err := a.setPassword(ctx, u.ID, password); err != nil {
		return err
	}
	return errors.Join(a.endOld(ctx, u.ID, ""), a.revokeAll(ctx, u.ID), a.revokeBridges(ctx, u.ID))
}

func (a *Access) setPassword(ctx context.Context, userID int64, password grove.Secret) error {
	leave, err := a.hashes.enter(ctx)
	if err != nil {
		return err
	}
	hash := a.hashes.hash(password)
	leave()
	_, err = a.records.UpdateUser(ctx, userID, func(u *grove.User) error {
		u.PasswordHash = hash
		return nil
	}, grove.Actor{Kind: grove.ActorUser, UserID: userID}.Did("user.password", ""))
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// endOld ends what an old password let in: the user's sessions but one, and codes.
// What fails keeps nothing else from ending, as the password has changed.
func (a *Access) endOld(ctx context.Context, userID int64, but string) error {
	over := a.endSessions(ctx, userID, but)
	for _, kind := range []grove.PassKind{grove.ResetPass, grove.LoginPass, grove.SecondPass} {
		if err := a.records.DropPasses(ctx, kind, userID); err != nil {
			over = errors.Join(over, fmt.Errorf("end codes: %w", err))
		}
	}
	return over
}

// ResetCode is a code that an owner hands over to somebody who forgot their password.
type ResetCode struct {
	Code      grove.Secret
	ExpiresAt time.Time
}

// OwnerReset makes a code with which a user sets a new password. With app, the
// user's authenticator app is taken away as well, for whoever lost it and every
// recovery code.
func (a *Access) OwnerReset(ctx context.Context, actor grove.Actor, userID int64, app bool, proof Proof) (ResetCode, error) {
	if err := a.owner(ctx, actor); err != nil {
		return ResetCode{}, err
	}
	if _, err := a.again(ctx, actor, proof); err != nil {
		return ResetCode{}, err
	}
	if _, err := a.records.User(ctx, userID); err != nil {
		return ResetCode{}, err
	}
	whose := fmt.Sprintf("user:%d", userID)
	if app {
		if err := a.dropTOTP(ctx, userID, actor.Did("user.totp_off", whose)); err != nil {
			return ResetCode{}, err
		}
	}
	code, until, err := a.issueCode(ctx, grove.ResetPass, userID, actor.Did("user.reset", whose))
	if err != nil {
		return ResetCode{}, err
	}
	return ResetCode{Code: grove.Secret(code), ExpiresAt: until}, nil
}

// OpenSessions lists where one is signed in, newest first.
func (a *Access) OpenSessions(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.Session], error) {
	if err := person(actor); err != nil {
		return grove.List[grove.Session]{}, err
	}
	return a.records.Sessions(ctx, actor.UserID, time.Now().UTC(), page)
}

// EndSession ends one of one's own sessions; NotFound when there is none.
func (a *Access) EndSession(ctx context.Context, actor grove.Actor, id string) error {
	if err := person(actor); err != nil {
		return err
	}
	s, err := a.records.Session(ctx, id)
	if err == nil && s.UserID != actor.UserID {
		err = grove.Errorf(grove.NotFound, "session_not_found", "you have no session %s", id)
	}
	if err != nil {
		return err
	}
	return a.Logout(ctx, grove.Actor{Kind: grove.ActorUser, UserID: actor.UserID, SessionID: id})
}

// EndOthers ends all of one's sessions but the one that asks.
func (a *Access) EndOthers(ctx context.Context, actor grove.Actor) error {
	if err := person(actor); err != nil {
		return err
	}
	return a.endSessions(ctx, actor.UserID, actor.SessionID, actor.Did("user.logout", "all other sessions"))
}

func (a *Access) endSessions(ctx context.Context, userID int64, but string, acts ...grove.AuditEntry) error {
	ids, err := a.records.EndSessions(ctx, userID, but, time.Now().UTC(), acts...)
	if err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	a.cut(ids)
	return nil
}
