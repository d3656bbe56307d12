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
// is made. Model may be empty, the printer says it itself. PlateClear says that
// somebody looked and found the plate empty: otherwise the first print waits for
// that, since nobody knows what the printer did before. AutoClear is for simulated
// printers alone, as [grove.Printer] has it.
type Binding struct {
	Serial, Name, Code, Model string
	PlateClear, AutoClear     bool
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
	if err := f.Gate.Authorize(actor, grove.BindPrinter, grove.Resource{Serial: b.Serial, OwnerID: actor.UserID}); err != nil {
		return Bound{}, err
	}
	if err := b.check(); err != nil {
		return Bound{}, err
	}
	if err := f.mayTake(actor, b); err != nil {
		return Bound{}, err
	}
	if err := f.dialsIn(actor, b.Serial); err != nil {
		return Bound{}, err
	}
	if err := f.roomFor(actor, b.Serial); err != nil {
		return Bound{}, err
	}
	code, issued, err := f.accessCode(ctx, b.Code)
	if err != nil {
		return Bound{}, err
	}
	secret := rand.Text() + rand.Text()
	p, err := f.Records.BindPrinter(ctx, grove.Printer{
		Serial: b.Serial, Name: b.Name, Model: b.Model, OwnerID: actor.UserID, BoundAt: time.Now().UTC(),
		AccessCode: grove.Secret(code), AccessCodeIssued: issued, DeviceSecretHash: HashSecret(secret),
		PlateClear: b.PlateClear || b.AutoClear, AutoClear: b.AutoClear,
	}, f.possesses(b), f.binds(actor, b.Serial, b.Name)...)
	if err != nil {
		return Bound{}, err
	}
	f.adopt(p, nil)
	p = f.shown(actor, grove.Live{Printer: p}).Printer // the code opens more than a key for binding may
	return Bound{Printer: p, DeviceSecret: grove.Secret(secret), AccessCode: p.AccessCode}, nil
}

// mayTake lets a printer of somebody else change hands only for its present
// access code, and only so many wrong ones are heard.
func (f *Fleet) mayTake(actor grove.Actor, b Binding) error {
	owner, bound := f.Owner(b.Serial)
	if !bound || owner == actor.UserID {
		return nil
	}
	if err := f.mayGuess(b.Serial); err != nil {
		return err
	}
	if f.possesses(b) {
		return nil
	}
	f.Guesses.CodeMissed(b.Serial)
	return grove.Errorf(grove.Conflict, "printer_bound",
		"printer %s belongs to another account; give its present access code as bind_code to take it over", b.Serial)
}

// dialsIn refuses to make a printer dial in that its owner added by address: the
// access code that is its own would be lost.
func (f *Fleet) dialsIn(actor grove.Actor, serial string) error {
	owner, _ := f.Owner(serial)
	lan, _, onLAN := f.LAN(serial)
	if !onLAN || owner != actor.UserID {
		return nil
	}
	return grove.Errorf(grove.Conflict, "printer_on_lan",
		"printer %s is reached at %s already and need not be bound again; for another code or key pair it, and to have it dial in by itself unbind it first", serial, lan.Host)
}

// roomFor refuses a printer more than one account may have. Of some that are bound
// at the same moment a few too many may pass.
func (f *Fleet) roomFor(actor grove.Actor, serial string) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	has := 0
	for _, u := range f.units {
		if u.owner.Load() != actor.UserID {
			continue
		}
		if u.serial == serial {
			return nil // bound anew
		}
		has++
	}
	if has < f.Most {
		return nil
	}
	return grove.Errorf(grove.Conflict, "too_many_printers",
		"this account has %d printers, which is the most; unbind one that is not used any more, or bind it to another account", has)
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

// adopt puts a bound printer into memory, with where it stands unless it dials in,
// and ends a connection that the former secret opened. After a change of hands
// nothing that the printer told its former owner remains.
func (f *Fleet) adopt(p grove.Printer, lan *grove.LAN) {
	f.mu.Lock()
	u := f.units[p.Serial]
	if u == nil || u.owner.Load() != p.OwnerID {
		f.units[p.Serial] = newUnit(p, lan, time.Now(), f.newEye(p.Serial))
		f.bindings.Add(1)
	}
	f.mu.Unlock()
	if u != nil {
		f.retire(u, p, lan)
	}
	f.rebound(p.Serial)
}

// rebound tells the edges that a printer changed hands, credentials or place.
func (f *Fleet) rebound(serial string) {
	f.Rebound(serial)
	f.network.Changed(serial)
}

// retire ends the link of a former binding.
func (f *Fleet) retire(u *unit, p grove.Printer, lan *grove.LAN) {
	u.mu.Lock()
	link := u.link
	if u.owner.Load() == p.OwnerID {
		u.remember(p)
		u.lan, u.trouble, u.answered, u.welcome = lan, "", "", u.welcome && lan != nil
		u.show()
	} else {
		u.link, u.dirty, u.turns = nil, false, nil
	}
	u.mu.Unlock()
	if link != nil {
		link.Close("bound anew")
	}
}

// Unbind gives a printer up. Its history stays with the account.
func (f *Fleet) Unbind(ctx context.Context, actor grove.Actor, serial string) error {
	u, err := f.may(actor, grove.UnbindPrinter, serial)
	if err != nil {
		return err
	}
	if err := f.Records.UnbindPrinter(ctx, serial, actor.UserID, time.Now().UTC(), did(actor, serial, actor.UserID, "printer.unbind", "")); err != nil {
		return err
	}
	f.mu.Lock()
	delete(f.units, serial)
	f.bindings.Add(1)
	f.mu.Unlock()
	u.mu.Lock()
	link := u.link
	u.mu.Unlock()
	if link != nil {
		link.Close("unbound")
	}
	f.rebound(serial)
	return nil
}

// Change is what an owner may change of a printer. Nil fields stay.
type Change struct {
	Name *string
	Tags *[]string
}

// Change gives a printer another name, other tags or both.
func (f *Fleet) Change(ctx context.Context, actor grove.Actor, serial string, c Change) (grove.Printer, error) {
	u, err := f.may(actor, grove.BindPrinter, serial)
	if err != nil {
		return grove.Printer{}, err
	}
	var acts []grove.AuditEntry
	var name string
	var tags []string
	if c.Name != nil {
		name = strings.TrimSpace(*c.Name)
		if name == "" || len(name) > 100 {
			return grove.Printer{}, grove.Errorf(grove.Invalid, "bad_name", "a printer's name has 1 to 100 bytes")
		}
		acts = append(acts, did(actor, serial, u.owner.Load(), "printer.rename", name))
	}
	if c.Tags != nil {
		if tags, err = grove.CheckTags(*c.Tags); err != nil {
			return grove.Printer{}, err
		}
		acts = append(acts, did(actor, serial, u.owner.Load(), "printer.tag", strings.Join(tags, ", ")))
	}
	change := func(p *grove.Printer) {
		if c.Name != nil {
			p.Name = name
		}
		if c.Tags != nil {
			p.Tags = tags
		}
	}
	p, err := f.Records.UpdatePrinter(ctx, serial, func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
		change(p)
		return nil, nil
	}, acts...)
	if err != nil {
		return grove.Printer{}, err
	}
	u.mu.Lock()
	change(&u.printer)
	u.show()
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
	u.printer.HeatUntil = p.HeatUntil
	u.show()
}
