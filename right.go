package grove

import (
	"slices"
	"time"
)

// Action is something that may be allowed or not.
type Action string

// The actions on printers and their jobs. Stop and pause are ControlPrinter and never more than
// that.
const (
	ReadPrinter    Action = "printer:read"
	ControlPrinter Action = "printer:control" // pause, resume, stop, lights, fans
	HeatPrinter    Action = "printer:heat"
	StartPrint     Action = "printer:start"
	SendGcode      Action = "printer:gcode"
	BindPrinter    Action = "device:bind" // bind and rename
	UnbindPrinter  Action = "device:unbind"
	SharePrinter   Action = "device:share"
	SeeCode        Action = "device:code" // the access code, which opens the printer on its own network
	ReadJobs       Action = "job:read"
	WriteJobs      Action = "job:write"      // cancel, and say what became of a start
	ReportState    Action = "printer:report" // what only the printer itself does
)

// The actions on what belongs to an account.
const (
	ReadAccount   Action = "account:read" // whose account it is; whoever may anything may this
	ReadFiles     Action = "file:read"
	WriteFiles    Action = "file:write"
	AdminWebhooks Action = "webhook:admin"
	ReadAudit     Action = "audit:read"
	AdminKeys     Action = "key:admin"
	AdminUsers    Action = "user:admin" // accounts of others
	// ReachNetwork: name an address that the server then connects to, and look for
	// printers on its networks. Who binds may not yet do that: it shows what is there.
	ReachNetwork Action = "network:reach"
)

// Scopes are the actions that an API key may be given. Keys, accounts, shares and
// unbinding are for people alone.
func Scopes() []Action {
	return []Action{
		ReadPrinter, ControlPrinter, HeatPrinter, StartPrint, SendGcode, BindPrinter, SeeCode,
		ReadFiles, WriteFiles, ReadJobs, WriteJobs, AdminWebhooks, ReadAudit, ReachNetwork,
	}
}

// Includes reports whether who may do a may do other as well: nobody acts on what
// they can't see, and whoever starts a print can stop it.
func (a Action) Includes(other Action) bool {
	switch a { //nolint:exhaustive // the others include themselves alone
	case StartPrint:
		return slices.Contains([]Action{StartPrint, ControlPrinter, ReadPrinter, ReadJobs, WriteJobs}, other)
	case ControlPrinter, HeatPrinter, SendGcode, BindPrinter, SeeCode:
		return other == a || other == ReadPrinter
	case WriteFiles:
		return other == a || other == ReadFiles
	case WriteJobs:
		return other == a || other == ReadJobs
	}
	return other == a
}

// Resource is what an action is done to: a printer and whose it is. Without a
// serial it is the account itself, without an owner the whole installation.
type Resource struct {
	Serial  string
	OwnerID int64
}

// Key is an API key: an account's rights for a program, or some of them. What is
// not named is not allowed: no scopes are none, and no printers are none.
type Key struct {
	ID          string    `json:"id"`
	UserID      int64     `json:"-"`
	Name        string    `json:"name"`
	Scopes      []Action  `json:"scopes"`
	AllPrinters bool      `json:"all_printers"`
	Printers    []string  `json:"printers"`          // serials
	Network     string    `json:"network,omitempty"` // counts only from there: an address or a CIDR
	CreatedAt   time.Time `json:"created_at"`
	ExpiresAt   time.Time `json:"expires_at,omitzero"`
	RevokedAt   time.Time `json:"revoked_at,omitzero"`
	Hash        string    `json:"-"` // SHA-256 in hex
	Use
}

// Allows reports whether the key's scopes allow an action. Any scope allows to
// know whose key it is.
func (k *Key) Allows(action Action) bool {
	if action == ReadAccount {
		return len(k.Scopes) > 0
	}
	return slices.ContainsFunc(k.Scopes, func(s Action) bool { return s.Includes(action) })
}

// Covers reports whether the key is for this printer.
func (k *Key) Covers(serial string) bool {
	return k.AllPrinters || slices.Contains(k.Printers, serial)
}

// Share is a printer shown to another account, or a link that offers it to whoever
// accepts it first. It ends with the ownership under which it was made.
type Share struct {
	ID        string    `json:"id"`
	Serial    string    `json:"device_id"`
	OwnerID   int64     `json:"owner_id"`
	UserID    int64     `json:"user_id,omitempty"` // the guest; 0 while a link waits
	Email     string    `json:"email,omitempty"`   // of the guest
	Role      Role      `json:"role"`              // operator or viewer
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	LinkUntil time.Time `json:"link_until,omitzero"` // until when a link may be accepted
	EndedAt   time.Time `json:"ended_at,omitzero"`
	Hash      string    `json:"-"` // of the link's token, SHA-256 in hex
}

// Reach is which printers somebody's lists show. The zero Reach is none.
type Reach struct {
	OwnerID int64      // all of this account's, but for what Only leaves out
	Some    bool       // only those in Only
	Only    []string   // serials
	Shared  []Resource // printers of others
}

// Has reports whether a printer is within reach.
func (r Reach) Has(serial string, ownerID int64) bool {
	if r.Some && !slices.Contains(r.Only, serial) {
		return false
	}
	return r.OwnerID > 0 && ownerID == r.OwnerID || slices.Contains(r.Shared, Resource{serial, ownerID})
}

// Grants is all that rights are made of, at one time.
type Grants struct {
	Version int64
	Roles   map[int64]Role // by user
	Locked  []int64        // users whose accounts are locked
	Keys    []Key          // not revoked
	Shares  []Share        // accepted, not ended
	Bridges []Bridge       // not revoked
}
