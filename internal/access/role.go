package access

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
)

// Roles keeps what everybody's role is. Acts are kept together with the change.
type Roles interface {
	LockUser(ctx context.Context, id int64, at time.Time, may func(u grove.User, owners int) error, acts ...grove.AuditEntry) (u grove.User, sessions []string, err error)
	UnlockUser(ctx context.Context, id int64, may func(u grove.User, owners int) error, acts ...grove.AuditEntry) (grove.User, error)
	SetRole(ctx context.Context, id int64, fn func(u grove.User, owners int) (grove.Role, error), acts ...grove.AuditEntry) (grove.User, error)
	Users(ctx context.Context, page grove.Page) (grove.List[grove.User], error)
}

// Users lists all accounts, for those who run the installation.
func (a *Access) Users(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.User], error) {
	if err := a.Authorize(actor, grove.AdminUsers, grove.Resource{}); err != nil {
		return grove.List[grove.User]{}, err
	}
	return a.records.Users(ctx, page)
}

// SetRole gives an account another role, at once. Owners are made and unmade by
// owners, and there is always one.
func (a *Access) SetRole(ctx context.Context, actor grove.Actor, userID int64, role grove.Role) (grove.User, error) {
	if err := a.Authorize(actor, grove.AdminUsers, grove.Resource{}); err != nil {
		return grove.User{}, err
	}
	if err := checkRole(role); err != nil {
		return grove.User{}, err
	}
	mine := a.table().roles[actor.UserID]
	act := actor.Did("user.role", strconv.FormatInt(userID, 10)+" "+string(role))
	u, err := a.records.SetRole(ctx, userID, func(u grove.User, owners int) (grove.Role, error) {
		switch {
		case u.Role == role:
			return role, nil
		case (u.Role == grove.Owner || role == grove.Owner) && mine != grove.Owner:
			return "", grove.Errorf(grove.Forbidden, "owners_only", "only an owner makes or unmakes owners")
		case u.Role == grove.Owner && !u.Locked() && owners == 1:
			return "", lastOwner()
		}
		return role, nil
	}, act)
	if err != nil {
		return grove.User{}, err
	}
	a.changed(ctx)
	return u, nil
}

func lastOwner() error {
	return grove.Errorf(grove.Conflict, "last_owner", "this is the only owner who can come in; make another account owner first")
}

func checkRole(role grove.Role) error {
	switch role {
	case grove.Owner, grove.Admin, grove.Operator, grove.Viewer:
		return nil
	}
	return wrongField("role", fmt.Sprintf("the role must be owner, admin, operator or viewer, not %q", string(role)))
}
