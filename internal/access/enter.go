package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// Printers finds the printers that somebody comes in for.
type Printers interface {
	Printer(ctx context.Context, serial string) (grove.Printer, error)
	PrintersByAccessCode(ctx context.Context, code string) ([]grove.Printer, error)
}

// CodePolicy says from where a printer's access code is a credential at all. It
// has eight characters, which is little against the whole internet.
type CodePolicy string

// The policies.
const (
	CodesOff     CodePolicy = "off"
	CodesPrivate CodePolicy = "private" // from loopback, private and link-local addresses
	CodesAny     CodePolicy = "any"
)

// ParseCodePolicy reads off, private or any.
func ParseCodePolicy(s string) (CodePolicy, error) {
	switch p := CodePolicy(s); p {
	case CodesOff, CodesPrivate, CodesAny:
		return p, nil
	}
	return "", grove.Errorf(grove.Invalid, "code_policy", "access codes can be off, private or any, not %q", s)
}

// MQTTCredentials is what a client says when it connects to the broker.
type MQTTCredentials struct {
	Username string
	Password grove.Secret
	SNI      string // the server name of the TLS handshake; empty without
	Remote   netip.Addr
}

// codeUser is the user name that goes with an access code, on printers and here.
const codeUser = "bblp"

// maxSerial is the longest serial number that is looked up; real ones have 15
// characters.
const maxSerial = 64

// door is one way to come in over MQTT.
type door grove.ActorKind

const (
	userDoor    = door(grove.ActorUser)
	codeDoor    = door(grove.ActorCode)
	printerDoor = door(grove.ActorPrinter)
)

func (c MQTTCredentials) door() door {
	switch {
	case c.Username == codeUser:
		return codeDoor
	case strings.HasPrefix(c.Username, "u_"):
		return userDoor
	}
	return printerDoor
}

// Enter says who connects to the broker: a user by u_<id> and access token or API key, the
// holder of a printer's access code by bblp, or a printer by its serial and
// device secret. Unauthenticated when it is nobody, Limited after too many
// failures, Forbidden when access codes do not count from there, Unavailable
// when the records cannot be asked.
func (a *Access) Enter(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	actor, err := a.enter(ctx, c)
	a.metrics.entries.WithLabelValues(string(c.door()), outcome(err)).Inc()
	return actor, err
}

func (a *Access) enter(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	now := time.Now()
	if err := a.doors.refused(c, now); err != nil {
		return grove.Actor{}, err
	}
	actor, err := a.identify(ctx, c)
	switch {
	case err == nil:
		a.doors.succeeded(c, now)
	case errors.Is(err, grove.Unauthenticated):
		a.doors.failed(c, now)
	}
	return actor, err
}

func (a *Access) identify(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	switch c.door() {
	case codeDoor:
		return a.enterByCode(ctx, c)
	case userDoor:
		return a.enterByToken(ctx, c)
	case printerDoor:
	}
	return a.enterBySecret(ctx, c)
}

func (a *Access) enterByToken(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	actor, err := a.AuthenticateFrom(ctx, string(c.Password), c.Remote)
	if err != nil {
		return grove.Actor{}, err
	}
	if username(actor.UserID) != c.Username {
		return grove.Actor{}, tokenInvalid("it belongs to another user name than the one given")
	}
	a.stays.add(actor.SessionID)
	return actor, nil
}

func (a *Access) enterByCode(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	if c.Password == "" || len(c.Password) > maxPassword {
		return grove.Actor{}, codeWrong("no printer has this access code")
	}
	printers, err := a.records.PrintersByAccessCode(ctx, string(c.Password))
	if err != nil && !errors.Is(err, grove.NotFound) {
		return grove.Actor{}, unavailable(fmt.Errorf("find printers by code: %w", err))
	}
	serial, err := a.choose(ctx, printers, c.SNI)
	if err != nil {
		return grove.Actor{}, err
	}
	return grove.Actor{Kind: grove.ActorCode, Serial: serial}, nil
}

// choose finds the printer that is meant. Clients made for printers send the
// serial as server name, and a TLS library may send it in small letters; others
// send the name of this server, which says nothing.
func (a *Access) choose(ctx context.Context, printers []grove.Printer, sni string) (string, error) {
	for _, p := range printers {
		if sni != "" && strings.EqualFold(p.Serial, sni) {
			return p.Serial, nil
		}
	}
	if sni != "" && len(printers) > 0 {
		other, err := a.isSerial(ctx, sni)
		if err != nil {
			return "", err
		}
		if other {
			return "", codeWrong("the printer that was asked for has another access code")
		}
	}
	switch len(printers) {
	case 0:
		return "", codeWrong("no printer has this access code")
	case 1:
		return printers[0].Serial, nil
	}
	return "", codeWrong("several printers have this access code; connect with the serial number as TLS server name, or give each its own code")
}

func (a *Access) isSerial(ctx context.Context, sni string) (bool, error) {
	for _, serial := range []string{sni, strings.ToUpper(sni)} {
		_, err := a.printer(ctx, serial)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, grove.NotFound) {
			return false, unavailable(fmt.Errorf("read printer: %w", err))
		}
	}
	return false, nil
}

// printer finds a printer by what somebody says is its serial.
func (a *Access) printer(ctx context.Context, serial string) (grove.Printer, error) {
	odd := func(r rune) bool { return r <= ' ' || r >= 0x7f }
	if serial == "" || len(serial) > maxSerial || strings.ContainsFunc(serial, odd) {
		return grove.Printer{}, grove.NotFound
	}
	return a.records.Printer(ctx, serial)
}

func (a *Access) enterBySecret(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	p, err := a.printer(ctx, c.Username)
	if err != nil && !errors.Is(err, grove.NotFound) {
		return grove.Actor{}, unavailable(fmt.Errorf("read printer: %w", err))
	}
	sum := sha256.Sum256([]byte(string(c.Password)))
	given := hex.EncodeToString(sum[:])
	want := cmp.Or(strings.ToLower(p.DeviceSecretHash), noSecret)
	same := subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1
	if err != nil || !same {
		return grove.Actor{}, grove.Errorf(grove.Unauthenticated, "device_secret_wrong",
			"no printer is bound here with this serial number and device secret; bind it again to get a new secret")
	}
	return grove.Actor{Kind: grove.ActorPrinter, Serial: p.Serial}, nil
}

// noSecret stands for the hash of a printer that is not there or has none.
const noSecret = "0000000000000000000000000000000000000000000000000000000000000000"

func codeWrong(why string) error {
	return grove.Errorf(grove.Unauthenticated, "access_code_wrong", "the access code does not count: %s", why)
}

// doors slows down who guesses at the broker. Tokens and device secrets cannot
// be guessed, so their failures count for one user name at one address and never
// shut out the neighbours behind the same router. Access codes can: theirs count
// for the address as a whole, and for the installation.
type doors struct {
	codes    CodePolicy
	burst    *window // per source
	steady   *window // per source
	all      *window // wrong access codes of everyone
	familiar *friends
}

func newDoors(codes CodePolicy) *doors {
	return &doors{
		codes:    codes,
		burst:    newWindow(5, time.Minute, time.Minute),
		steady:   newWindow(20, 15*time.Minute, 15*time.Minute),
		all:      newWindow(30, time.Minute, 15*time.Minute),
		familiar: newFriends(7 * 24 * time.Hour),
	}
}

func (d *doors) refused(c MQTTCredentials, now time.Time) error {
	key := c.failureKey()
	wait := max(d.burst.wait(key, now), d.steady.wait(key, now))
	if c.door() != codeDoor {
		return limited(wait, "there were too many failed connections with this user name from this address")
	}
	if !d.admits(c.Remote) {
		return grove.Errorf(grove.Forbidden, "access_codes_off",
			"access codes do not count from %s (the server's policy is %q); sign in with an account instead", c.Remote, d.codes)
	}
	if !d.familiar.has(source(c.Remote), now) {
		wait = max(wait, d.all.wait("", now))
	}
	return limited(wait, "there were too many wrong access codes")
}

// admits applies the policy. An address that is not known is not private.
func (d *doors) admits(addr netip.Addr) bool {
	addr = addr.Unmap()
	switch d.codes {
	case CodesAny:
		return true
	case CodesPrivate:
		return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast()
	case CodesOff:
	}
	return false
}

func (d *doors) failed(c MQTTCredentials, now time.Time) {
	key := c.failureKey()
	d.burst.fail(key, now)
	d.steady.fail(key, now)
	if c.door() == codeDoor {
		d.all.fail("", now)
	}
}

func (d *doors) succeeded(c MQTTCredentials, now time.Time) {
	if c.door() == codeDoor {
		d.familiar.add(source(c.Remote), now)
	}
}

// failureKey is what failures of c count under.
func (c MQTTCredentials) failureKey() string {
	if c.door() == codeDoor {
		return source(c.Remote)
	}
	return source(c.Remote) + "\x00" + oneLine(c.Username, 64)
}
