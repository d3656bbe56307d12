package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Network reaches the printers of the server's own networks, and of those whose
// bridges came in. It takes no SQL, and
// nothing here waits for it while a transaction is open.
type Network interface {
	// Test tries a printer step by step. A link that is up is asked instead of a
	// second one made, unless anew says to end it first. Without a code it only learns
	// who the printer is.
	Test(ctx context.Context, l grove.LAN, code grove.Secret, anew bool) grove.LANTest
	Search(ctx context.Context, s grove.LANSearch) ([]grove.FoundPrinter, error)
	// Changed says that a printer was added, changed or removed.
	Changed(serial string)
}

// nowhere is the network of a house without a bridge.
type nowhere struct{}

// Test says so.
func (nowhere) Test(_ context.Context, l grove.LAN, _ grove.Secret, _ bool) grove.LANTest {
	return grove.LANTest{Serial: l.Serial, Host: l.Host, Findings: []grove.LANFinding{{
		Step: grove.StepReachable, Verdict: grove.VerdictFailed, Reason: "no_bridge", Found: "this server reaches no networks", Advice: "use one that does",
	}}}
}

// Search finds nobody.
func (nowhere) Search(context.Context, grove.LANSearch) ([]grove.FoundPrinter, error) {
	return nil, nil
}

// Changed has nothing to do.
func (nowhere) Changed(string) {}

// Reach says through whom printers on networks are reached. It must be called
// before Run.
func (f *Fleet) Reach(n Network) { f.network = n }

// LANBinding is a wish to own a printer that the server reaches by its address.
// Serial may be empty: the printer's certificate tells it. With Force it is kept
// though it cannot be reached now.
type LANBinding struct {
	Binding
	grove.LAN
	Force bool
}

// LANBound is a printer on a network as it was added or changed, and what the
// test told.
type LANBound struct {
	Printer grove.Live    `json:"printer"`
	Test    grove.LANTest `json:"test"`
}

// needed are the steps without which a printer is kept only by force.
var needed = []grove.LANStep{grove.StepReachable, grove.StepTLS, grove.StepSerial, grove.StepAccessCode}

// Add makes a printer at an address the actor's, after it has been tried: its
// certificate must name the serial, and it must let the access code in.
func (f *Fleet) Add(ctx context.Context, actor grove.Actor, b LANBinding) (LANBound, error) {
	b.LAN.Serial = b.Binding.Serial
	if err := f.mayAdd(actor, &b); err != nil {
		return LANBound{}, err
	}
	if b.Binding.Serial == "" {
		if test, err := f.identify(ctx, actor, &b); err != nil {
			return LANBound{Test: test}, err
		}
	}
	f.recall(actor, &b)
	test, err := f.try(ctx, actor, b.LAN, grove.Secret(b.Code))
	if err != nil {
		return LANBound{Test: test}, err
	}
	if err := held(test); err != nil && !b.Force {
		return LANBound{Test: test}, err
	}
	if b.Pin == "" {
		b.Pin = test.Pin
	}
	if m, ok := bambu.LookupModel(test.Model); ok && b.Model == "" {
		b.Model = m.Code
	}
	p, err := f.Records.BindLAN(ctx, grove.Printer{
		Serial: b.Binding.Serial, Name: b.Name, Model: b.Model, OwnerID: actor.UserID, BoundAt: time.Now().UTC(),
		AccessCode: grove.Secret(b.Code), PlateClear: b.PlateClear,
	}, b.LAN, f.possesses(b.Binding), f.binds(actor, b.Binding.Serial, b.Name+" at "+b.Host)...)
	if err != nil {
		return LANBound{Test: test}, err
	}
	f.adopt(p, &b.LAN)
	live, err := f.Now(p.Serial)
	return LANBound{Printer: f.shown(actor, live), Test: test}, err
}

// recall keeps the key by which the actor's own printer is known already: to add it
// again is not to pair it.
func (f *Fleet) recall(actor grove.Actor, b *LANBinding) {
	owner, _ := f.Owner(b.Binding.Serial)
	if known, _, ok := f.LAN(b.Binding.Serial); ok && owner == actor.UserID {
		b.Pin, b.StrangerPin, b.QuarantineAt = known.Pin, known.StrangerPin, known.QuarantineAt
	}
}

// mayAdd checks a wish, whose serial is told by the printer alone while it is empty.
func (f *Fleet) mayAdd(actor grove.Actor, b *LANBinding) error {
	if err := f.mayReach(actor, b.Bridge); err != nil {
		return err
	}
	if err := b.check(); err != nil {
		return err
	}
	if b.Binding.Serial == "" {
		return f.Gate.Authorize(actor, grove.BindPrinter, grove.Resource{OwnerID: actor.UserID})
	}
	if err := f.Gate.Authorize(actor, grove.BindPrinter, grove.Resource{Serial: b.Binding.Serial, OwnerID: actor.UserID}); err != nil {
		return err
	}
	if err := f.mayTake(actor, b.Binding); err != nil {
		return err
	}
	return f.roomFor(actor, b.Binding.Serial)
}

// mayReach asks whether the actor may name addresses: in the networks of the server,
// which are not everybody's, or in that of a bridge of their own.
func (f *Fleet) mayReach(actor grove.Actor, bridge string) error {
	mine := grove.Resource{OwnerID: actor.UserID}
	if bridge == "" {
		return f.Gate.Authorize(actor, grove.ReachNetwork, mine)
	}
	if err := f.Gate.Authorize(actor, grove.BindPrinter, mine); err != nil {
		return err
	}
	return f.Gate.MayCarry(bridge, actor.UserID)
}

func (b *LANBinding) check() error {
	if b.Code == "" {
		return grove.Errorf(grove.Invalid, "no_access_code", "the access code is missing; the printer shows it on its screen, where it is set to LAN")
	}
	if b.Binding.Serial == "" && b.Force {
		return grove.Errorf(grove.Invalid, "no_serial", "a printer that is kept unseen needs its serial, which stands on its back and on its screen")
	}
	whole := b.Binding
	if whole.Serial == "" {
		whole.Serial = "unknown" // the printer says it
	}
	if err := whole.check(); err != nil {
		return err
	}
	b.Model = whole.Model
	if b.Binding.Serial != "" {
		b.Name = whole.Name
	}
	return checkPlace(&b.LAN)
}

var hostForm = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?$`)

// checkPlace refuses what is no host, or no port.
func checkPlace(l *grove.LAN) error {
	l.Host = strings.TrimSpace(l.Host)
	if _, err := netip.ParseAddr(l.Host); err != nil && !hostForm.MatchString(l.Host) {
		return grove.Errorf(grove.Invalid, "bad_host", "%.80q is neither an address nor a name; write it without a port and without https://", l.Host)
	}
	for _, port := range []int{l.MQTTS, l.FTPS, l.Camera, l.RTSPS} {
		if port < 0 || port > 65535 {
			return grove.Errorf(grove.Invalid, "bad_port", "%d is no port; ports are 1 to 65535", port)
		}
	}
	return nil
}

// held is nil when the test lets the printer be kept, else says what is wrong and
// what to do.
func held(t grove.LANTest) error {
	bad, failed := t.Failed(needed...)
	if !failed {
		return nil
	}
	e := grove.Errorf(grove.Conflict, bad.Reason, "%s; %s", bad.Found, bad.Advice)
	e.Fields = map[string]string{}
	for _, f := range t.Findings {
		e.Fields[string(f.Step)] = string(f.Verdict)
	}
	return e
}

// Pairing is what changes about a printer on a network: what is empty stays. With
// NewKey whatever key it shows now becomes its own, which ends a quarantine.
type Pairing struct {
	grove.LAN
	Code   string
	NewKey bool
}

func (w Pairing) act() string {
	if w.Host != "" {
		return "printer.address"
	}
	return "printer.pair"
}

// Pair changes the key, the access code or the address of a printer on a network
// after it has been tried with them.
func (f *Fleet) Pair(ctx context.Context, actor grove.Actor, serial string, w Pairing) (LANBound, error) {
	u, lan, code, err := f.placed(actor, grove.BindPrinter, serial)
	if err != nil {
		return LANBound{}, err
	}
	was := lan
	if w.Host != "" {
		if err := f.mayReach(actor, w.Bridge); err != nil {
			return LANBound{}, err
		}
		w.Serial, w.Pin, w.StrangerPin, w.QuarantineAt = serial, lan.Pin, lan.StrangerPin, lan.QuarantineAt
		lan = w.LAN
	}
	if w.Code != "" {
		code = grove.Secret(w.Code)
	}
	if err := checkPlace(&lan); err != nil {
		return LANBound{}, err
	}
	if !codeForm.MatchString(string(code)) {
		return LANBound{}, grove.Errorf(grove.Invalid, "bad_code", "an access code has 6 to 32 letters or digits")
	}
	if w.NewKey {
		lan.Pin, lan.StrangerPin, lan.QuarantineAt = "", "", time.Time{}
	}
	test, err := f.try(ctx, actor, lan, code)
	if err == nil {
		err = held(test)
	}
	if err != nil {
		return LANBound{Test: test}, err
	}
	lan.Pin = test.Pin
	p, lan, err := f.Records.UpdateLAN(ctx, serial, func(p *grove.Printer, l *grove.LAN) ([]grove.Event, []grove.AuditEntry, error) {
		if p.OwnerID != actor.UserID || l.Host != was.Host || l.Bridge != was.Bridge || l.Pin != was.Pin {
			return nil, nil, changed(serial)
		}
		*l, p.AccessCode, p.AccessCodeIssued = lan, code, false
		return nil, []grove.AuditEntry{did(actor, serial, p.OwnerID, w.act(), lan.Host)}, nil
	})
	if err != nil {
		return LANBound{Test: test}, err
	}
	u.mu.Lock()
	u.lan, u.printer.AccessCode, u.printer.AccessCodeIssued, u.trouble = &lan, p.AccessCode, false, ""
	u.answered = ""
	u.show()
	live := u.live()
	u.mu.Unlock()
	f.rebound(serial)
	return LANBound{Printer: f.shown(actor, live), Test: test}, nil
}

// Test tries a printer on a network as it is kept.
func (f *Fleet) Test(ctx context.Context, actor grove.Actor, serial string) (grove.LANTest, error) {
	_, lan, code, err := f.placed(actor, grove.BindPrinter, serial)
	if err != nil {
		return grove.LANTest{}, err
	}
	test := f.network.Test(ctx, lan, code, false)
	if test.Up {
		f.overLink(ctx, serial, &test)
	}
	judge(&test)
	return test, nil
}

// placed is a printer on a network that the actor may do action to.
func (f *Fleet) placed(actor grove.Actor, action grove.Action, serial string) (*unit, grove.LAN, grove.Secret, error) {
	u, err := f.may(actor, action, serial)
	if err != nil {
		return nil, grove.LAN{}, "", err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lan == nil {
		return nil, grove.LAN{}, "", grove.NotOnLAN(serial)
	}
	return u, *u.lan, u.printer.AccessCode, nil
}

// Search finds printers on the networks of the server, or of a bridge.
func (f *Fleet) Search(ctx context.Context, actor grove.Actor, s grove.LANSearch) ([]grove.FoundPrinter, error) {
	if err := f.mayReach(actor, s.Bridge); err != nil {
		return nil, err
	}
	found, err := f.network.Search(ctx, s)
	if err != nil {
		return nil, err
	}
	for i := range found {
		owner, bound := f.Owner(found[i].Serial)
		found[i].Bound = bound && owner == actor.UserID
	}
	slices.SortFunc(found, func(a, b grove.FoundPrinter) int { return strings.Compare(a.Serial+a.Host, b.Serial+b.Host) })
	return found, nil
}

// LANs are the serials of the printers that are reached on a network.
func (f *Fleet) LANs() []string {
	var all []string
	for _, u := range f.all() {
		u.mu.Lock()
		if u.lan != nil {
			all = append(all, u.serial)
		}
		u.mu.Unlock()
	}
	slices.Sort(all)
	return all
}

// Sight is how a printer's camera is read.
func (f *Fleet) Sight(serial string) grove.Sight {
	u, err := f.unit(serial)
	if err != nil {
		return grove.SightOff
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	on, known := u.state.Liveview()
	switch {
	case u.model.SendsPictures():
		return grove.SightPictures
	case known && !on:
		return grove.SightOff
	}
	return grove.SightVideo
}

// LAN is where a printer stands, with its access code; ok is false for one that is
// not reached on a network, or not any more.
func (f *Fleet) LAN(serial string) (l grove.LAN, code grove.Secret, ok bool) {
	u, err := f.unit(serial)
	if err != nil {
		return grove.LAN{}, "", false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lan == nil {
		return grove.LAN{}, "", false
	}
	l = *u.lan
	l.OwnerID = u.owner.Load()
	return l, u.printer.AccessCode, true
}

// Pinned keeps the key of a printer that was added unseen, as who answered where at
// says showed it. Conflict printer_changed when it is another's, stands elsewhere or
// has a key by now: then the connection is to nobody who is known.
func (f *Fleet) Pinned(ctx context.Context, at grove.LAN, pin string) error {
	return f.relearn(ctx, at, func(_ *grove.Printer, l *grove.LAN) []grove.Event {
		l.Pin = pin
		return nil
	})
}

// Stranger puts a printer into quarantine: who answered where at says shows this
// other key. Nothing is sent until a person pairs it anew. What was found of a place,
// a key or an owner that it has no more is no news.
func (f *Fleet) Stranger(ctx context.Context, at grove.LAN, pin string) error {
	err := f.relearn(ctx, at, func(p *grove.Printer, l *grove.LAN) []grove.Event {
		l.StrangerPin, l.QuarantineAt = pin, time.Now().UTC()
		return []grove.Event{{
			UserID: p.OwnerID, Type: grove.PrinterQuarantined, At: l.QuarantineAt,
			Data: grove.EventData{DeviceID: at.Serial, DeviceName: p.Name, Status: "quarantined", Reason: quarantine(*l)},
		}}
	})
	if grove.HasReason(err, reasonChanged) || errors.Is(err, grove.NotFound) {
		return nil
	}
	if err == nil {
		f.Log.Warn("printer shows another key", slog.String("printer", at.Serial), slog.String("pin", pin))
		f.network.Changed(at.Serial)
	}
	return err
}

func quarantine(l grove.LAN) string {
	return fmt.Sprintf("who answers at its address shows another key than the printer did when it was added; "+
		"if it was reset or its board was changed, pair it again (grove printers pair %s --new-key), else find out who answers there", l.Serial)
}

// relearn changes what is known of a printer's key, unless it is not the one any more
// that was dialled.
func (f *Fleet) relearn(ctx context.Context, at grove.LAN, change func(*grove.Printer, *grove.LAN) []grove.Event) error {
	u, err := f.unit(at.Serial)
	if err != nil {
		return err
	}
	_, lan, err := f.Records.UpdateLAN(ctx, at.Serial, func(p *grove.Printer, l *grove.LAN) ([]grove.Event, []grove.AuditEntry, error) {
		if !stands(at, *l, p.OwnerID) {
			return nil, nil, changed(at.Serial)
		}
		return change(p, l), nil, nil
	})
	if err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.lan != nil && stands(at, *u.lan, u.owner.Load()) { // else a person was quicker
		u.lan = &lan
		u.show()
	}
	return nil
}

// stands reports whether a printer's place, key and owner are what they were.
func stands(was, now grove.LAN, owner int64) bool {
	now.OwnerID = owner
	return was.Complete() == now.Complete()
}

const reasonChanged = "printer_changed"

func changed(serial string) error {
	return grove.Errorf(grove.Conflict, reasonChanged, "printer %s was bound, moved or paired meanwhile, so nothing was changed; look, and try again", serial)
}

// Troubled says why a printer on a network has no link, until it has one.
func (f *Fleet) Troubled(serial string, why error) {
	u, err := f.unit(serial)
	if err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.trouble = words(why)
	u.show()
}

// quarantined: somebody else may be at the other end, also of a link that is not ended
// yet. The caller holds mu.
func (u *unit) quarantined() bool { return u.lan != nil && u.lan.Quarantined() }

// unlinked is the answer for a printer without a link that may be used. The caller
// holds mu.
func (u *unit) unlinked() error {
	switch {
	case u.quarantined():
		return grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline, "printer %s is in quarantine: %s", u.serial, quarantine(*u.lan))
	case u.trouble != "":
		return grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline, "printer %s is not connected, and commands are never kept for later: %s", u.serial, placeless(u.trouble, u.lan))
	}
	return offline(u.serial)
}

// placeless takes the printer's address out of words, for those who may not know it.
func placeless(words string, l *grove.LAN) string {
	if l == nil || l.Host == "" {
		return words
	}
	return strings.ReplaceAll(words, l.Host, "its address")
}
