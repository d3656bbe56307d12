package grove

import "time"

// LoginMode is what an account signs in with.
type LoginMode string

// The modes.
const (
	ByPassword LoginMode = "password"
	ByCode     LoginMode = "code" // the password, then a code from an e-mail
)

// SignIn is how an account signs in. An account of which nothing is known signs
// in by its password alone.
type SignIn struct {
	UserID     int64
	Mode       LoginMode
	TOTPSecret Secret    // base32; empty without an authenticator app
	TOTPSince  time.Time // when the app proved that it works; zero: it is not asked for yet
	TOTPStep   int64     // the last 30-second step whose code was used; none counts twice
}

// TOTP reports whether a sign-in needs the code of an authenticator app.
func (s SignIn) TOTP() bool { return s.TOTPSecret != "" && !s.TOTPSince.IsZero() }

// PassKind is what a pass is for.
type PassKind string

// The kinds of pass.
const (
	LoginPass      PassKind = "login"       // a code from an e-mail
	SecondPass     PassKind = "second_step" // the key between the password and the app's code
	RecoveryPass   PassKind = "recovery"    // in place of the app's code
	TicketPass     PassKind = "ticket"      // hands a session from one program to another
	ResetPass      PassKind = "reset"       // in place of a forgotten password
	InvitationPass PassKind = "invitation"  // makes an account
	PrinterPass    PassKind = "printer"     // a PIN: takes a printer over
)

// Pass lets somebody through once. What they show is kept as a keyed hash only.
type Pass struct {
	ID        string
	Kind      PassKind
	UserID    int64 // whose it is; of an invitation, who invited; of a PIN, whose printer it gives away
	Hash      string
	SessionID string // of a ticket: the session that it was bound to
	Email     string // of an invitation: who is invited
	Role      Role   // of an invitation: as what
	Serial    string // of a PIN: the printer
	Tries     int    // how often somebody guessed at it
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	UsedAt    time.Time
}

// Open reports whether the pass was neither used nor is too old.
func (p Pass) Open(now time.Time) bool {
	return p.UsedAt.IsZero() && (p.ExpiresAt.IsZero() || now.Before(p.ExpiresAt))
}

// Tally is what is counted of one who or what: failures to sign in, or when somebody
// came in. Who it is, is kept as a keyed hash only.
type Tally struct {
	Kind   string // which rule counts
	Hash   string
	Count  int         // failures in a row
	Times  []time.Time // failures that count yet, or when somebody came in, oldest first
	Until  time.Time   // refused before this
	EndsAt time.Time   // forgotten from then on
}
