package access

import (
	"context"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
)

// Lock closes an account, at once: nobody signs in to it, and everything that was let
// in by it is cut, be it a session, an API key or a bridge. Its printers stay its own
// and go on with what they print. Owners lock everybody but themselves, admins those
// who do not run the installation; one owner always remains.
func (a *Access) Lock(ctx context.Context, actor grove.Actor, userID int64) (grove.User, error) {
	if err := a.Authorize(actor, grove.AdminUsers, grove.Resource{}); err != nil {
		return grove.User{}, err
	}
	u, sessions, err := a.records.LockUser(ctx, userID, time.Now().UTC().Truncate(time.Millisecond), a.mayLock(actor),
		actor.Did("user.lock", strconv.FormatInt(userID, 10)))
	if err != nil {
		return grove.User{}, err
	}
	a.changed(ctx)
	a.cut(sessions)
	return u, nil
}

// Unlock lets an account in again. Rights, keys and bridges count as before; what was
// ended stays ended, so that people sign in anew.
func (a *Access) Unlock(ctx context.Context, actor grove.Actor, userID int64) (grove.User, error) {
	if err := a.Authorize(actor, grove.AdminUsers, grove.Resource{}); err != nil {
		return grove.User{}, err
	}
	u, err := a.records.UnlockUser(ctx, userID, a.mayLock(actor), actor.Did("user.unlock", strconv.FormatInt(userID, 10)))
	if err != nil {
		return grove.User{}, err
	}
	a.changed(ctx)
	return u, nil
}

// mayLock says whether the actor locks and unlocks an account.
func (a *Access) mayLock(actor grove.Actor) func(u grove.User, owners int) error {
	mine := a.table().roles[actor.UserID]
	return func(u grove.User, owners int) error {
		switch {
		case u.ID == actor.UserID:
			return grove.Errorf(grove.Conflict, "own_account", "nobody locks their own account; another owner can")
		case manages(u.Role) && mine != grove.Owner:
			return grove.Errorf(grove.Forbidden, "owners_only", "only an owner locks or unlocks the accounts of owners and admins")
		case u.Role == grove.Owner && !u.Locked() && owners == 1:
			return lastOwner()
		}
		return nil
	}
}

// refuseLocked is said to who proved that the account is theirs; strangers learn nothing.
func refuseLocked(u grove.User) error {
	if u.Locked() {
		return grove.AccountLocked()
	}
	return nil
}

// accountBarred is said to a key or bridge: like one that was revoked it is nobody, for now.
func accountBarred() error {
	return grove.Errorf(grove.Unauthenticated, grove.ReasonAccountLocked,
		"the account that this key belongs to is locked; it counts again once an owner of this server lets the account in")
}

// cut ends what was let in by sessions that are over.
func (a *Access) cut(sessions []string) {
	for _, id := range sessions {
		a.sessions.drop(id)
		a.ended(id)
	}
}
