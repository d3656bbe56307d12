package fleet

import (
	"context"
	"regexp"
	"time"

	"github.com/grovecloud/grove"
)

// PINs makes the PINs by which printers change hands, and counts wrong ones.
type PINs interface {
	NewPIN(ctx context.Context, ownerID int64, serial string, act grove.AuditEntry) (pin grove.Secret, until time.Time, err error)
	// PIN finds what a person typed: NotFound pin_unknown when it is no open PIN.
	PIN(ctx context.Context, actor grove.Actor, typed string) (grove.Pass, error)
}

// PIN is what an owner gives to whoever shall have the printer.
type PIN struct {
	Serial string
	PIN    grove.Secret // six letters and digits; told this once
	Until  time.Time
}

var pinForm = regexp.MustCompile(`^[A-Za-z2-7]{6}$`)

// IsPIN reports whether text has the form of a PIN: no ticket has.
func IsPIN(text string) bool { return pinForm.MatchString(text) }

// OfferPIN makes a PIN for a printer of the actor's. Conflict printer_on_lan when the
// printer does not dial in: a change of hands would lose where it stands.
func (f *Fleet) OfferPIN(ctx context.Context, actor grove.Actor, serial string) (PIN, error) {
	u, err := f.may(actor, grove.SharePrinter, serial)
	if err != nil {
		return PIN{}, err
	}
	if lan, _, onLAN := f.LAN(serial); onLAN {
		return PIN{}, grove.Errorf(grove.Conflict, "printer_on_lan",
			"printer %s is reached at %s, and a PIN hands no address over; unbind it, and whoever shall have it adds it by its address and access code", serial, lan.Host)
	}
	owner := u.owner.Load()
	pin, until, err := f.PINs.NewPIN(ctx, owner, serial, did(actor, serial, owner, "printer.pin", ""))
	return PIN{Serial: serial, PIN: pin, Until: until}, err
}

// OffersPIN finds the printer that a PIN gives away now: NotFound pin_unknown when
// it gives none.
func (f *Fleet) OffersPIN(ctx context.Context, actor grove.Actor, pin string) (serial string, err error) {
	p, err := f.PINs.PIN(ctx, actor, pin)
	if err != nil {
		return "", err
	}
	if owner, bound := f.Owner(p.Serial); !bound || owner != p.UserID {
		return "", grove.NoPIN()
	}
	return p.Serial, nil
}

// Claim makes the printer that a PIN gives away the actor's, and uses the PIN up.
// A PIN changes nothing on the machine, so it keeps its name, access code and device
// secret, and comes back by itself. Its plate counts as full: nobody said that they
// looked. One's own PIN is used up and changes nothing.
func (f *Fleet) Claim(ctx context.Context, actor grove.Actor, pin string) (grove.Printer, error) {
	if err := f.Gate.Authorize(actor, grove.BindPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.Printer{}, err
	}
	found, err := f.PINs.PIN(ctx, actor, pin)
	if err != nil {
		return grove.Printer{}, err
	}
	if err := f.roomFor(actor, found.Serial); err != nil {
		return grove.Printer{}, err
	}
	now := time.Now().UTC()
	p, err := f.Records.ClaimPrinter(ctx, found.Hash, func(pass *grove.Pass, p *grove.Printer) error {
		if !pass.Open(now) || p.OwnerID != pass.UserID {
			return grove.NoPIN()
		}
		pass.UsedAt = now
		if p.OwnerID != actor.UserID {
			p.OwnerID, p.BoundAt, p.PlateClear, p.AutoClear = actor.UserID, now, false, false
		}
		return nil
	}, f.binds(actor, found.Serial, "by a PIN")...)
	if err != nil {
		return grove.Printer{}, err
	}
	if p.OwnerID != found.UserID {
		var place *grove.LAN // it stands where it stood
		if l, _, ok := f.LAN(p.Serial); ok {
			place = &l
		}
		f.adopt(p, place)
	}
	return f.shown(actor, grove.Live{Printer: p}).Printer, nil
}

// binds are the entries of a printer that becomes the actor's, and of whose it was.
func (f *Fleet) binds(actor grove.Actor, serial, detail string) []grove.AuditEntry {
	acts := []grove.AuditEntry{did(actor, serial, actor.UserID, "printer.bind", detail)}
	if former, bound := f.Owner(serial); bound && former != actor.UserID {
		acts = append(acts, did(actor, serial, former, "printer.take_over", ""))
	}
	return acts
}
