package access

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/grovecloud/grove"
)

// linkPrefix begins the token of a link that shares a printer.
const linkPrefix = "share_"

// linkLife is how long a link waits to be accepted.
const linkLife = 7 * 24 * time.Hour

// Shares keeps which printers are shown to whom. Acts are kept together with the
// change.
type Shares interface {
	CreateShare(ctx context.Context, s grove.Share, acts ...grove.AuditEntry) (grove.Share, error)
	AcceptShare(ctx context.Context, hash string, userID int64, at time.Time, act func(grove.Share) ([]grove.AuditEntry, error)) (grove.Share, error)
	EndShare(ctx context.Context, id string, userID int64, at time.Time, act func(grove.Share) []grove.AuditEntry) error
	Shares(ctx context.Context, userID int64, serial string, page grove.Page) (grove.List[grove.Share], error)
}

// ShareWish is how a printer shall be shared. Without an address it becomes a link.
type ShareWish struct {
	Serial    string
	Email     string
	Role      grove.Role
	ExpiresAt time.Time // zero: until it is ended
}

// Share shows a printer of the actor's to another account, or makes a link whose
// token is given this once. Sharing again with the same account replaces.
func (a *Access) Share(ctx context.Context, actor grove.Actor, w ShareWish) (grove.Share, grove.Secret, error) {
	p, err := a.readable(ctx, actor, w.Serial)
	if err != nil {
		return grove.Share{}, "", err
	}
	if err := a.Authorize(actor, grove.SharePrinter, grove.Resource{Serial: p.Serial, OwnerID: p.OwnerID}); err != nil {
		return grove.Share{}, "", err
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	if err := w.check(now); err != nil {
		return grove.Share{}, "", err
	}
	s := grove.Share{
		ID: "sha_" + strings.ToLower(ulid.Make().String()), Serial: p.Serial, OwnerID: p.OwnerID, Role: w.Role,
		CreatedAt: now, ExpiresAt: w.ExpiresAt.UTC().Truncate(time.Millisecond),
	}
	var token string
	if w.Email == "" {
		token = linkPrefix + strings.ToLower(rand.Text()+rand.Text())
		s.Hash, s.LinkUntil = hashed(token), now.Add(linkLife)
	} else if s.UserID, err = a.guestOf(ctx, actor, w.Email); err != nil {
		return grove.Share{}, "", err
	}
	act := actor.Did("printer.share", s.ID+" "+string(s.Role))
	act.Serial = s.Serial
	if s, err = a.records.CreateShare(ctx, s, act); err != nil {
		return grove.Share{}, "", err
	}
	a.changed(ctx)
	return s, grove.Secret(token), nil
}

func (w ShareWish) check(now time.Time) error {
	if w.Role != grove.Operator && w.Role != grove.Viewer {
		return wrongField("role", "a printer is shared with the role operator, who may print, or viewer, who may look")
	}
	if over(w.ExpiresAt, now) {
		return wrongField("expires_at", "the end of the share is past already")
	}
	return nil
}

// guestOf finds the account that a printer is shared with.
func (a *Access) guestOf(ctx context.Context, actor grove.Actor, email string) (int64, error) {
	u, err := a.account(ctx, email)
	if errors.Is(err, grove.NotFound) {
		return 0, wrongField("email", "there is no account with this address here; leave the address out to get a link that any account can accept")
	}
	if err == nil && u.ID == actor.UserID {
		return 0, wrongField("email", "this is your own account")
	}
	return u.ID, err
}

// readable finds a printer that the actor may read; NotFound otherwise.
func (a *Access) readable(ctx context.Context, actor grove.Actor, serial string) (grove.Printer, error) {
	p, err := a.printer(ctx, serial)
	if errors.Is(err, grove.NotFound) {
		return p, grove.NoPrinter(serial)
	}
	if err != nil {
		return p, err
	}
	return p, a.Authorize(actor, grove.ReadPrinter, grove.Resource{Serial: p.Serial, OwnerID: p.OwnerID})
}

// AcceptShare makes the actor the guest that a link was made for. It works once.
func (a *Access) AcceptShare(ctx context.Context, actor grove.Actor, token string) (grove.Share, error) {
	if err := person(actor); err != nil {
		return grove.Share{}, err
	}
	s, err := a.records.AcceptShare(ctx, hashed(token), actor.UserID, time.Now().UTC(), func(s grove.Share) ([]grove.AuditEntry, error) {
		if s.OwnerID == actor.UserID {
			return nil, grove.Errorf(grove.Conflict, "own_share", "this link shares a printer of your own; give it to somebody else")
		}
		return shareActs(actor, s, "printer.share_accept"), nil
	})
	if err != nil {
		return grove.Share{}, err
	}
	a.changed(ctx)
	return s, nil
}

// Unshare ends a share, as its owner or as its guest. It counts at once, also for
// what is subscribed to.
func (a *Access) Unshare(ctx context.Context, actor grove.Actor, id string) error {
	if err := person(actor); err != nil {
		return err
	}
	err := a.records.EndShare(ctx, id, actor.UserID, time.Now().UTC(), func(s grove.Share) []grove.AuditEntry {
		return shareActs(actor, s, "printer.unshare")
	})
	if err != nil {
		return err
	}
	a.changed(ctx)
	return nil
}

// shareActs is what is noted of an act on a share: it concerns its owner, and
// whoever did it.
func shareActs(actor grove.Actor, s grove.Share, action string) []grove.AuditEntry {
	act := actor.Did(action, s.ID+" "+string(s.Role))
	act.Serial = s.Serial
	acts := []grove.AuditEntry{act}
	if s.OwnerID != actor.UserID {
		act.UserID = s.OwnerID
		acts = append(acts, act)
	}
	return acts
}

// Shares lists what the actor shares and what is shared with them, the newest first.
func (a *Access) Shares(ctx context.Context, actor grove.Actor, serial string, page grove.Page) (grove.List[grove.Share], error) {
	if err := person(actor); err != nil {
		return grove.List[grove.Share]{}, err
	}
	return a.records.Shares(ctx, actor.UserID, serial, page)
}
