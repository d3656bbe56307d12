package resttest

import (
	"testing"

	"github.com/grovecloud/grove"
)

// Credential is a kind of what somebody may come with, before something of ann's.
type Credential string

// The kinds, beside a key for each scope.
const (
	NoCredential   Credential = "no credential" //nolint:gosec // G101: the name of a kind
	Garbage        Credential = "garbage"
	GarbageKey     Credential = "a garbage key"
	ExpiredToken   Credential = "an expired token"
	EndedSession   Credential = "a token of an ended session"
	BrowserCookie  Credential = "the dashboard's cookie, as a token"
	ExpiredKey     Credential = "an expired key"
	RevokedKey     Credential = "a revoked key"
	DistantKey     Credential = "a key for another network"
	UnscopedKey    Credential = "a key without scope"
	PrinterlessKey Credential = "a key for no printer"
	AccessCode     Credential = "the printer's access code"
	BridgeKey      Credential = "the key of a bridge"
	AnotherUser    Credential = "another user"
	AnotherViewer  Credential = "another user who may only look"
	LookingGuest   Credential = "a guest who looks"
	PrintingGuest  Credential = "a guest who prints"
	RightUser      Credential = "the right user"
)

// KeyFor is a key of the right user with this one scope, for all their printers.
func KeyFor(scope grove.Action) Credential { return "a key for " + Credential(scope) }

// Credentials are all kinds. The tables of who may ask which route and who may use
// which topic answer for each, so that a new kind, or a new scope, fails both until
// somebody has said what it may.
func Credentials() []Credential {
	all := []Credential{
		NoCredential, Garbage, GarbageKey, ExpiredToken, EndedSession, BrowserCookie, ExpiredKey, RevokedKey, DistantKey, UnscopedKey, PrinterlessKey,
	}
	for _, scope := range grove.Scopes() {
		all = append(all, KeyFor(scope))
	}
	return append(all, AccessCode, BridgeKey, AnotherUser, AnotherViewer, LookingGuest, PrintingGuest, RightUser)
}

// Verdict is what is expected of a credential.
type Verdict string

// The verdicts.
const (
	NotLetIn  Verdict = "not let in"          // 401, or a connection that is refused
	Forbidden Verdict = "let in, and may not" // 403, or neither subscribed nor done
	Hidden    Verdict = "sees nothing of it"  // refused in any other way than 401: as if it were not there
	Allowed   Verdict = "may"                 // not refused for who asks
	ByRule    Verdict = "as the rule has it"  // not of one kind: for the tests of the rule
)

// Answered fails unless a table says something about each kind of credential and of
// nothing else.
func Answered[V any](t testing.TB, what string, table map[Credential]V) {
	t.Helper()
	all := Credentials()
	for _, kind := range all {
		if _, ok := table[kind]; !ok {
			t.Fatalf("%s says nothing of %s: say what it may", what, kind)
		}
	}
	if len(table) != len(all) {
		t.Fatalf("%s speaks of %d kinds of credential, and there are %d", what, len(table), len(all))
	}
}
