package grove

import (
	"log/slog"
	"strconv"
	"time"
)

// Role is what a person may do in an installation.
type Role string

// The roles, the most powerful first. A shared printer knows the last two.
const (
	Owner    Role = "owner"    // runs the installation
	Admin    Role = "admin"    // the same, but makes and unmakes no owners
	Operator Role = "operator" // has printers and prints
	Viewer   Role = "viewer"   // looks, and changes nothing
)

// User is an account. ID is positive and below 2³¹, since clients and printers
// read it as a number and build the MQTT user name u_<id> from it.
type User struct {
	ID           int64     `json:"id"`
	Email        string    `json:"email"`
	Name         string    `json:"name"`
	AvatarURL    string    `json:"avatar_url"`
	Role         Role      `json:"role"`
	CreatedAt    time.Time `json:"created_at"`
	LockedAt     time.Time `json:"locked_at,omitzero"` // since when nobody comes in by it; zero: it is open
	PasswordHash Secret    `json:"-"`                  // argon2id in PHC form
}

// Locked reports whether the account is closed to whoever has its password.
func (u User) Locked() bool { return !u.LockedAt.IsZero() }

// AccountLocked is what somebody is told who proved that a locked account is theirs.
func AccountLocked() *Error {
	return Errorf(Forbidden, ReasonAccountLocked, "this account is locked; ask an owner of this server to let it in again")
}

// Session is one signed-in client. Access tokens name it, so that ending it
// ends them.
type Session struct {
	ID        string    `json:"id"`
	UserID    int64     `json:"user_id"`
	Client    string    `json:"client"` // the user agent at login
	CreatedAt time.Time `json:"created_at"`
	// ConfirmedAt is when the person last proved that it is them.
	ConfirmedAt time.Time `json:"confirmed_at"`
	ExpiresAt   time.Time `json:"expires_at"`
	EndedAt     time.Time `json:"ended_at,omitzero"`
	Use
}

// Use is when, from where and by what a session or a key was used last.
type Use struct {
	UsedAt   time.Time `json:"last_used_at,omitzero"`    // to the minute; the first is noted at once
	UsedFrom string    `json:"last_used_from,omitempty"` // the address
	UsedBy   string    `json:"last_used_by,omitempty"`   // what the client calls itself: user agent, or MQTT client id
	UsedOver string    `json:"last_used_over,omitempty"` // http or mqtt
}

// The ways over which a session or a key is used.
const (
	OverHTTP = "http"
	OverMQTT = "mqtt"
)

// ActorKind is the kind of who is asking.
type ActorKind string

// The kinds of actor.
const (
	ActorUser    ActorKind = "user"    // a person, by session
	ActorKey     ActorKind = "key"     // a program, by an API key of a person's
	ActorPrinter ActorKind = "printer" // a printer, by its device secret
	ActorCode    ActorKind = "code"    // whoever holds one printer's access code
	ActorBridge  ActorKind = "bridge"  // carries printers of another network, and may nothing else
	ActorSystem  ActorKind = "system"  // this server itself
)

// Actor is who is asking. The zero Actor is nobody and may do nothing.
type Actor struct {
	Kind      ActorKind
	UserID    int64  // for ActorUser and ActorKey: whose account it is
	SessionID string // for ActorUser; for ActorKey and ActorBridge the id of the key or bridge
	Serial    string // for ActorPrinter and ActorCode: the only printer it knows
}

// Secret is text that must never be logged or encoded by accident.
type Secret string

// LogValue hides the secret in logs.
func (Secret) LogValue() slog.Value { return slog.StringValue("***") }

// String hides the secret from fmt; convert with string(s) to use it.
func (Secret) String() string { return "***" }

// GoString hides the secret from %#v.
func (Secret) GoString() string { return `"***"` }

// String names the actor for logs and the audit log.
func (a Actor) String() string {
	switch a.Kind {
	case ActorUser:
		return "user:" + strconv.FormatInt(a.UserID, 10)
	case ActorKey:
		return "key:" + a.SessionID
	case ActorPrinter, ActorCode:
		return string(a.Kind) + ":" + a.Serial
	case ActorBridge:
		return a.SessionID
	case ActorSystem:
		return string(a.Kind)
	}
	return "nobody"
}
