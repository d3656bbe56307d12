package fleet

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Binding is a wish to own a printer. Code becomes its access code; empty: one
// is made. Model may be empty, the printer says it itself.
type Binding struct {
	Serial, Name, Code, Model string
	AutoClear                 bool
}

// Bound is a fresh binding. DeviceSecret is shown this once.
type Bound struct {
	Printer      grove.Printer
	DeviceSecret grove.Secret
	AccessCode   grove.Secret
}

var (
	serialForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{3,31}$`)
	codeForm   = regexp.MustCompile(`^[A-Za-z0-9]{6,32}$`)
)

// codeLength is what printers show and clients ask for; 32 letters make 2⁴⁰ codes.
const codeLength = 8

// Bind makes a printer the actor's. A printer bound elsewhere changes hands only
// when Code is its present access code. Binding one's own printer again issues a
// new device secret and ends the old one.
func (f *Fleet) Bind(ctx context.Context, actor grove.Actor, b Binding) (Bound, error) {
	if err := f.Gate.Authorize(actor, grove.BindPrinter, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return Bound{}, err
	}
	if err := b.check(); err != nil {
		return Bound{}, err
	}
	if owner, bound := f.Owner(b.Serial); bound && owner != actor.UserID && f.possesses(b) {
		if err := f.unheld(ctx, b.Serial); err != nil {
			return Bound{}, err
		}
	}
	code, issued, err := f.accessCode(ctx, b.Code)
	if err != nil {
		return Bound{}, err
	}
	secret := rand.Text() + rand.Text()
	p, err := f.Records.BindPrinter(ctx, grove.Printer{
		Serial: b.Serial, Name: b.Name, Model: b.Model, OwnerID: actor.UserID, BoundAt: time.Now().UTC(),
		AccessCode: grove.Secret(code), AccessCodeIssued: issued, DeviceSecretHash: HashSecret(secret),
		PlateClear: true, AutoClear: b.AutoClear,
	}, f.possesses(b))
	if err != nil {
		return Bound{}, err
	}
	f.adopt(p)
	if err := f.audit(ctx, actor, p.Serial, "printer.bind", p.Name); err != nil {
		return Bound{}, err
	}
	return Bound{Printer: p, DeviceSecret: grove.Secret(secret), AccessCode: p.AccessCode}, nil
}

func (b *Binding) check() error {
	b.Name = strings.TrimSpace(b.Name)
	if b.Name == "" {
		b.Name = b.Serial
	}
	switch {
	case !serialForm.MatchString(b.Serial):
		return grove.Errorf(grove.Invalid, "bad_serial", "device_id %q is not a serial: 4 to 32 letters, digits, - or _", b.Serial)
	case b.Code != "" && !codeForm.MatchString(b.Code):
		return grove.Errorf(grove.Invalid, "bad_code", "bind_code must be 6 to 32 letters or digits, or left out so that one is made")
	case len(b.Name) > 100:
		return grove.Errorf(grove.Invalid, "bad_name", "device_name is longer than 100 bytes")
	}
	if b.Model == "" {
		return nil
	}
	m, ok := bambu.LookupModel(b.Model)
	if !ok {
		return grove.Errorf(grove.Invalid, "bad_model", "no printer model is called %q; leave it out and the printer says it itself", b.Model)
	}
	b.Model = m.Code
	return nil
}

// possesses reports whether the wish names the present access code.
func (f *Fleet) possesses(b Binding) bool {
	u, err := f.unit(b.Serial)
	if err != nil || b.Code == "" {
		return false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	have := string(u.printer.AccessCode)
	return have != "" && subtle.ConstantTimeCompare([]byte(have), []byte(b.Code)) == 1
}

// accessCode is the code brought along, or a new one that no other printer has.
func (f *Fleet) accessCode(ctx context.Context, brought string) (code string, issued bool, err error) {
	if brought != "" {
		return brought, false, nil
	}
	for {
		made := strings.ToLower(rand.Text()[:codeLength])
		others, err := f.Records.PrintersByAccessCode(ctx, made)
		if err != nil {
			return "", false, err
		}
		if len(others) == 0 {
			return made, true, nil
		}
	}
}

// HashSecret is how a device secret is kept.
func HashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// adopt puts a bound printer into memory and ends a connection that the former
// secret opened.
func (f *Fleet) adopt(p grove.Printer) {
	f.mu.Lock()
	u := f.units[p.Serial]
	if u == nil {
		u = newUnit(p, time.Now())
		f.units[p.Serial] = u
	}
	f.mu.Unlock()
	u.mu.Lock()
	u.remember(p)
	link := u.link
	u.mu.Unlock()
	if link != nil {
		link.Close("bound anew")
	}
	f.Rebound(p.Serial)
}

// unheld refuses while a job holds the printer: nobody would be told of its end,
// and it would stand in the way of the next owner's jobs.
func (f *Fleet) unheld(ctx context.Context, serial string) error {
	_, err := f.Records.UpdatePrinter(ctx, serial, func(_ *grove.Printer, active *grove.Job) ([]grove.Event, error) {
		if active == nil {
			return nil, nil
		}
		return nil, grove.Errorf(grove.Conflict, "printer_has_job",
			"job %d (%s) holds printer %s; cancel it, or resolve it if its start is unknown, before the printer changes hands", active.ID, active.State, serial)
	})
	return err
}

// Unbind gives a printer up. Its history stays with the account.
func (f *Fleet) Unbind(ctx context.Context, actor grove.Actor, serial string) error {
	u, err := f.may(actor, grove.BindPrinter, serial)
	if err != nil {
		return err
	}
	if err := f.unheld(ctx, serial); err != nil {
		return err
	}
	if err := f.Records.UnbindPrinter(ctx, serial, actor.UserID, time.Now().UTC()); err != nil {
		return err
	}
	f.mu.Lock()
	delete(f.units, serial)
	f.mu.Unlock()
	u.mu.Lock()
	link := u.link
	u.mu.Unlock()
	if link != nil {
		link.Close("unbound")
	}
	f.Rebound(serial)
	return f.audit(ctx, actor, serial, "printer.unbind", "")
}

// Rename changes a printer's name.
func (f *Fleet) Rename(ctx context.Context, actor grove.Actor, serial, name string) (grove.Printer, error) {
	u, err := f.may(actor, grove.BindPrinter, serial)
	if err != nil {
		return grove.Printer{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" || len(name) > 100 {
		return grove.Printer{}, grove.Errorf(grove.Invalid, "bad_name", "a printer's name has 1 to 100 bytes")
	}
	p, err := f.Records.UpdatePrinter(ctx, serial, func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
		p.Name = name
		return nil, nil
	})
	if err != nil {
		return grove.Printer{}, err
	}
	u.mu.Lock()
	u.printer.Name = name
	u.mu.Unlock()
	return p, nil
}

// Learn takes over what others stored of a printer, such as its plate.
func (f *Fleet) Learn(p grove.Printer) {
	u, err := f.unit(p.Serial)
	if err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.printer.Online, u.printer.PlateClear, u.printer.AutoClear = p.Online, p.PlateClear, p.AutoClear
	u.printer.GcodeState, u.printer.PrintError = p.GcodeState, p.PrintError
	u.printer.TaskID, u.printer.FileName = p.TaskID, p.FileName
}

func (f *Fleet) audit(ctx context.Context, actor grove.Actor, serial, action, detail string) error {
	owner, _ := f.Owner(serial)
	return f.Records.AddAudit(ctx, grove.AuditEntry{
		At: time.Now().UTC(), Actor: actor.String(), UserID: owner, Action: action, Serial: serial, Detail: detail,
	})
}
