package access

import (
	"time"

	"github.com/grovecloud/grove"
)

// Authorize says whether actor may do action to r: nil, or the refusal. It asks no
// database. A printer of somebody else is NotFound, so that nobody learns which
// serials exist. Binding is the one act on a printer without an owner.
func (r *Rights) Authorize(actor grove.Actor, action grove.Action, on grove.Resource) error {
	if nobody(actor) {
		return grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "please login: this needs an account")
	}
	if actor.Serial != "" && !ofPrinters(action) {
		return forbidden(action) // printers and their codes have no account
	}
	switch actor.Kind {
	case grove.ActorSystem:
		return nil
	case grove.ActorUser:
		return r.table().userMay(actor.UserID, action, on)
	case grove.ActorKey:
		return r.table().keyMay(actor, action, on)
	case grove.ActorCode:
		return r.table().codeMay(actor, action, on)
	case grove.ActorPrinter:
		return printerMay(actor, action, on)
	case grove.ActorBridge: // its tunnel is no act on anything
	}
	return forbidden(action)
}

// Role is that of the account the actor acts for; empty where it acts for none.
func (r *Rights) Role(actor grove.Actor) grove.Role { return r.table().roles[actor.UserID] }

// nobody is true for an actor that names no one. A user 0 or an empty serial
// would otherwise match a printer without owner or a request without printer.
func nobody(actor grove.Actor) bool {
	switch actor.Kind {
	case grove.ActorSystem:
		return false
	case grove.ActorUser:
		return actor.UserID <= 0
	case grove.ActorBridge:
		return actor.SessionID == ""
	case grove.ActorKey:
		return actor.UserID <= 0 || actor.SessionID == ""
	case grove.ActorCode, grove.ActorPrinter:
		return actor.Serial == ""
	}
	return true
}

// userMay asks two things: as what the user stands before r, and whether that is
// enough for the action.
func (t *grants) userMay(userID int64, action grove.Action, on grove.Resource) error {
	if !ofPrinters(action) {
		return t.accountMay(userID, action, on)
	}
	role, own := t.standing(userID, on)
	if action == grove.BindPrinter && on.OwnerID == 0 {
		role, own = t.roles[userID], true
	}
	switch {
	case role == "":
		return grove.NoPrinter(on.Serial)
	case action == grove.ReadPrinter, action == grove.ReadJobs:
		return nil
	case !prints(role), action == grove.ReportState, !own && !shared(action):
		return forbidden(action)
	}
	return nil
}

// standing is the role in which a user stands before a printer, none when it is
// not theirs to see. A guest has no more than either the share or the account gives.
func (t *grants) standing(userID int64, on grove.Resource) (role grove.Role, own bool) {
	mine := t.roles[userID]
	if mine == "" {
		return "", false
	}
	if on.OwnerID == userID {
		return mine, true
	}
	s, ok := t.guests[guest{on.Serial, userID}]
	if !ok || s.OwnerID != on.OwnerID || over(s.ExpiresAt, time.Now()) {
		return "", false
	}
	if !prints(mine) || !prints(s.Role) {
		return grove.Viewer, false
	}
	return grove.Operator, false
}

// accountMay is about what belongs to an account, or to the whole installation.
func (t *grants) accountMay(userID int64, action grove.Action, on grove.Resource) error {
	role, own := t.roles[userID], on.OwnerID == userID
	switch action { //nolint:exhaustive // the others are refused below, or are of printers
	case grove.ReadAccount, grove.ReadFiles, grove.AdminKeys:
		if own && role != "" {
			return nil
		}
	case grove.WriteFiles, grove.AdminWebhooks:
		if own && prints(role) {
			return nil
		}
	case grove.ReadAudit:
		if own && role != "" || manages(role) {
			return nil
		}
	case grove.AdminUsers, grove.ReachNetwork:
		if manages(role) {
			return nil
		}
	}
	return forbidden(action)
}

// prints reports whether a role may do more than look.
func prints(role grove.Role) bool { return role == grove.Operator || manages(role) }

// manages reports whether a role runs the installation.
func manages(role grove.Role) bool { return role == grove.Owner || role == grove.Admin }

// ofPrinters tells the actions on printers and their jobs from those on accounts.
func ofPrinters(action grove.Action) bool {
	switch action { //nolint:exhaustive // all others are of accounts, or unknown
	case grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.SendGcode, grove.BindPrinter,
		grove.UnbindPrinter, grove.SharePrinter, grove.SeeCode, grove.ReportState, grove.ReadJobs, grove.WriteJobs:
		return true
	}
	return false
}

// shared reports whether a guest may ever do it. Raw G-code can do anything, and
// who holds the access code no longer needs the share.
func shared(action grove.Action) bool {
	switch action { //nolint:exhaustive // all others stay the owner's
	case grove.ReadPrinter, grove.ControlPrinter, grove.HeatPrinter, grove.StartPrint, grove.ReadJobs, grove.WriteJobs:
		return true
	}
	return false
}

// keyMay allows what its user may, as far as the key says so.
func (t *grants) keyMay(actor grove.Actor, action grove.Action, on grove.Resource) error {
	k := t.keys[actor.SessionID]
	switch {
	case t.locked[actor.UserID]:
		return accountBarred()
	case k == nil || k.UserID != actor.UserID:
		return tokenInvalid("the key was revoked or has ended")
	case over(k.ExpiresAt, time.Now()):
		return tokenExpired()
	}
	if err := t.userMay(k.UserID, action, on); err != nil {
		return err
	}
	if on.Serial != "" && !k.Covers(on.Serial) {
		return grove.NoPrinter(on.Serial)
	}
	if !k.Allows(action) {
		return grove.Errorf(grove.Forbidden, "scope_missing", "this API key has no scope for %s; make one that has", action)
	}
	if tellsOfAll(action) && !k.AllPrinters {
		return grove.Errorf(grove.Forbidden, "key_printers", "%s tells of every printer, and this API key is for some", action)
	}
	return nil
}

// tellsOfAll is true for what can't be cut down to some printers.
func tellsOfAll(action grove.Action) bool {
	return action == grove.AdminWebhooks || action == grove.ReadAudit || action == grove.ReachNetwork
}

// codeMay allows what the holder of the access code can do on the printer's own
// network anyway, which includes raw G-code. Whose printer it is knows the code: it
// must not be the way round a lock.
func (t *grants) codeMay(actor grove.Actor, action grove.Action, on grove.Resource) error {
	if on.Serial != actor.Serial {
		return grove.NoPrinter(on.Serial)
	}
	if t.locked[on.OwnerID] {
		return ownerLocked()
	}
	if action == grove.SendGcode || shared(action) {
		return nil
	}
	return forbidden(action)
}

func ownerLocked() error {
	return grove.Errorf(grove.Forbidden, grove.ReasonAccountLocked,
		"the account that has this printer is locked, and its access code counts for nothing here until it is let in again")
}

func printerMay(actor grove.Actor, action grove.Action, on grove.Resource) error {
	if on.Serial != actor.Serial {
		return grove.NoPrinter(on.Serial)
	}
	if action == grove.ReportState {
		return nil
	}
	return forbidden(action)
}

func forbidden(action grove.Action) error {
	return grove.Errorf(grove.Forbidden, "not_allowed", "this credential does not allow %s", action)
}
