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
	Client   string // its client id
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
	if err := a.doors.closed(c); err != nil {
		return grove.Actor{}, err
	}
	k := knock{MQTTCredentials: c}
	if c.door() == codeDoor {
		var err error
		if k.asked, err = a.named(ctx, c.SNI); err != nil {
			return grove.Actor{}, err
		}
	}
	now := time.Now()
	if err := a.doors.refused(k, now); err != nil {
		return grove.Actor{}, err
	}
	actor, err := a.identify(ctx, k)
	switch {
	case err == nil:
		a.doors.succeeded(k, now)
	case errors.Is(err, grove.Unauthenticated):
		a.doors.failed(k, now)
	}
	return actor, err
}

// knock is somebody at the door.
type knock struct {
	MQTTCredentials

	asked string // the serial that the server name of an access code's holder is; empty when it is none
}

func (a *Access) identify(ctx context.Context, k knock) (grove.Actor, error) {
	switch k.door() {
	case codeDoor:
		return a.enterByCode(ctx, k)
	case userDoor:
		return a.enterByToken(ctx, k.MQTTCredentials)
	case printerDoor:
	}
	return a.enterBySecret(ctx, k.MQTTCredentials)
}

func (a *Access) enterByToken(ctx context.Context, c MQTTCredentials) (grove.Actor, error) {
	actor, err := a.AuthenticateFrom(ctx, string(c.Password), Visit{Remote: c.Remote, Client: c.Client, Over: grove.OverMQTT})
	if err != nil {
		return grove.Actor{}, err
	}
	if username(actor.UserID) != c.Username {
		return grove.Actor{}, tokenInvalid("it belongs to another user name than the one given")
	}
	a.stays.add(actor.SessionID)
	return actor, nil
}

func (a *Access) enterByCode(ctx context.Context, k knock) (grove.Actor, error) {
	if k.Password == "" || len(k.Password) > maxPassword {
		return grove.Actor{}, codeWrong("no printer has this access code")
	}
	printers, err := a.records.PrintersByAccessCode(ctx, string(k.Password))
	if err != nil && !errors.Is(err, grove.NotFound) {
		return grove.Actor{}, unavailable(fmt.Errorf("find printers by code: %w", err))
	}
	p, err := choose(printers, k)
	if err != nil {
		return grove.Actor{}, err
	}
	if a.Locked(p.OwnerID) {
		return grove.Actor{}, ownerLocked()
	}
	return grove.Actor{Kind: grove.ActorCode, Serial: p.Serial}, nil
}

// choose finds the printer that is meant.
func choose(printers []grove.Printer, k knock) (grove.Printer, error) {
	for _, p := range printers {
		if k.SNI != "" && strings.EqualFold(p.Serial, k.SNI) {
			return p, nil
		}
	}
	switch {
	case len(printers) == 0:
		return grove.Printer{}, codeWrong("no printer has this access code")
	case k.asked != "":
		return grove.Printer{}, codeWrong("the printer that was asked for has another access code")
	case len(printers) == 1:
		return printers[0], nil
	}
	return grove.Printer{}, codeWrong("several printers have this access code; connect with the serial number as TLS server name, or give each its own code")
}

// named is the printer whose serial a TLS server name is, empty when it is none's.
// Clients made for printers send the serial, and a TLS library may send it in small
// letters; others send the name of this server, which says nothing.
func (a *Access) named(ctx context.Context, sni string) (string, error) {
	for _, serial := range []string{sni, strings.ToUpper(sni)} {
		p, err := a.printer(ctx, serial)
		if err == nil {
			return p.Serial, nil
		}
		if !errors.Is(err, grove.NotFound) {
			return "", unavailable(fmt.Errorf("read printer: %w", err))
		}
	}
	return "", nil
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
