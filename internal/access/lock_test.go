package access

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// lockHouse is an owner, an admin, and bob, who has the printer P2 and is ann's guest at P1.
type lockHouse struct {
	*Access

	db              *store.DB
	ann, admin, bob grove.Actor
	ended           map[string]bool
}

func newLockHouse(t *testing.T) *lockHouse {
	t.Helper()
	db := open(t)
	h := &lockHouse{Access: on(t, db, Config{}), db: db, ended: map[string]bool{}}
	h.ann, h.admin, h.bob = signedIn(t, h.Access, "ann@example.org"), signedIn(t, h.Access, "ada@example.org"), signedIn(t, h.Access, "bob@example.org")
	for id, role := range map[int64]grove.Role{h.ann.UserID: grove.Owner, h.admin.UserID: grove.Admin} {
		_, err := db.SetRole(t.Context(), id, func(grove.User, int) (grove.Role, error) { return role, nil })
		ok(t, err)
	}
	h.changed(t.Context())
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: h.ann.UserID, AccessCode: "11111111"})
	bindPrinter(t, db, grove.Printer{Serial: "P2", OwnerID: h.bob.UserID, AccessCode: "22222222"})
	_, _, err := h.Share(t.Context(), h.ann, ShareWish{Serial: "P1", Email: "bob@example.org", Role: grove.Operator})
	ok(t, err)
	_, _, err = h.Share(t.Context(), h.bob, ShareWish{Serial: "P2", Email: "ada@example.org", Role: grove.Operator})
	ok(t, err)
	h.OnEnd(func(id string) { h.ended[id] = true })
	return h
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func isLocked(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, grove.Forbidden) || !grove.HasReason(err, grove.ReasonAccountLocked) {
		t.Errorf("%s: %v", what, err)
	}
}

func isBarred(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, grove.Unauthenticated) || !grove.HasReason(err, grove.ReasonAccountLocked) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestWhoIsLockedOutHasNothingLeft(t *testing.T) {
	t.Parallel()
	h := newLockHouse(t)
	ctx := t.Context()
	tokens := login(t, h.Access, "bob@example.org")
	key, secret, err := h.CreateKey(ctx, h.bob, KeyWish{Name: "script", Scopes: grove.Scopes(), AllPrinters: true})
	ok(t, err)
	bridge, bridgeKey, err := h.CreateBridge(ctx, h.bob, "Hall")
	ok(t, err)
	ticket, err := h.HandOver(ctx, tokens)
	ok(t, err)
	pin, _, err := h.NewPIN(ctx, h.bob.UserID, "P2", h.bob.Did("printer.pin", ""))
	ok(t, err)
	_, link, err := h.Share(ctx, h.bob, ShareWish{Serial: "P2", Role: grove.Operator})
	ok(t, err)
	mine, theirs := grove.Resource{Serial: "P2", OwnerID: h.bob.UserID}, grove.Resource{Serial: "P1", OwnerID: h.ann.UserID}
	check(t, h.Rights, "guest", h.bob, grove.StartPrint, theirs, yes)

	u, err := h.Lock(ctx, h.ann, h.bob.UserID)
	if err != nil || !u.Locked() {
		t.Fatalf("locked %+v, %v", u, err)
	}
	for _, id := range []string{h.bob.SessionID, tokens.SessionID, key.ID, bridge.ID} {
		if !h.ended[id] {
			t.Errorf("%s was not told to be over", id)
		}
	}
	if !h.Barred(bridge.ID) || !h.Barred(key.ID) || !h.Locked(h.bob.UserID) || h.Locked(h.ann.UserID) {
		t.Error("it is not known as locked")
	}
	if _, err := h.Authenticate(ctx, string(tokens.Access)); !errors.Is(err, grove.Unauthenticated) {
		t.Errorf("the session: %v", err)
	}
	_, err = h.AuthenticateFrom(ctx, string(secret), Visit{Remote: netip.MustParseAddr("127.0.0.1")})
	isBarred(t, "the key", err)
	_, err = h.EnterBridge(ctx, string(bridgeKey))
	isBarred(t, "the bridge", err)
	isBarred(t, "a right of the key", h.Authorize(grove.Actor{Kind: grove.ActorKey, UserID: h.bob.UserID, SessionID: key.ID}, grove.ReadPrinter, mine))
	if err := h.MayCarry(bridge.ID, h.bob.UserID); !errors.Is(err, grove.NotFound) {
		t.Errorf("the bridge carries: %v", err)
	}
	for _, on := range []grove.Resource{mine, theirs} {
		check(t, h.Rights, "locked", h.bob, grove.ReadPrinter, on, hidden)
	}
	if reach := h.Reach(h.bob); reach.Has("P2", h.bob.UserID) || reach.Has("P1", h.ann.UserID) {
		t.Errorf("lists show %+v", reach)
	}
	if people := h.Audience("P1", h.ann.UserID); len(people) != 0 {
		t.Errorf("%v hear of P1", people)
	}
	check(t, h.Rights, "a guest of theirs", h.admin, grove.ControlPrinter, mine, yes)

	if _, err := h.RedeemTicket(ctx, string(ticket), "x", "127.0.0.1"); !grove.HasReason(err, "ticket_wrong") {
		t.Errorf("the ticket: %v", err)
	}
	if _, err := h.PIN(ctx, h.ann, string(pin)); !errors.Is(err, grove.NotFound) {
		t.Errorf("the PIN: %v", err)
	}
	if _, err := h.AcceptShare(ctx, h.ann, string(link)); !errors.Is(err, grove.NotFound) {
		t.Errorf("the link: %v", err)
	}
	_, err = h.Enter(ctx, MQTTCredentials{Username: "bblp", Password: "22222222", Remote: netip.MustParseAddr("127.0.0.1")})
	isLocked(t, "the access code", err)
	isLocked(t, "a right by the code", h.Authorize(grove.Actor{Kind: grove.ActorCode, Serial: "P2"}, grove.ControlPrinter, mine))
	check(t, h.Rights, "the printer", grove.Actor{Kind: grove.ActorPrinter, Serial: "P2"}, grove.ReportState, mine, yes)
	if _, err := h.Enter(ctx, MQTTCredentials{Username: "bblp", Password: "11111111", Remote: netip.MustParseAddr("127.0.0.1")}); err != nil {
		t.Errorf("the code of another's printer: %v", err)
	}

	_, err = h.Unlock(ctx, h.ann, h.bob.UserID)
	ok(t, err)
	check(t, h.Rights, "let in again", h.bob, grove.StartPrint, theirs, yes)
	if _, err := h.AuthenticateFrom(ctx, string(secret), Visit{Remote: netip.MustParseAddr("127.0.0.1")}); err != nil {
		t.Errorf("the key, again: %v", err)
	}
	if _, err := h.EnterBridge(ctx, string(bridgeKey)); err != nil {
		t.Errorf("the bridge, again: %v", err)
	}
	if _, err := h.Authenticate(ctx, string(tokens.Access)); !errors.Is(err, grove.Unauthenticated) {
		t.Errorf("the session came back: %v", err)
	}
	login(t, h.Access, "bob@example.org")
}

func TestOnlyWhoHasThePasswordIsToldOfTheLock(t *testing.T) {
	t.Parallel()
	h := newLockHouse(t)
	ctx := t.Context()
	_, err := h.records.UpdateSignIn(ctx, h.bob.UserID, func(s *grove.SignIn) error { s.Mode = grove.ByCode; return nil })
	ok(t, err)
	_, err = h.Lock(ctx, h.admin, h.bob.UserID)
	ok(t, err)
	c := Credentials{Account: "bob@example.org", Password: goodPassword, Remote: "127.0.0.1:1"}
	_, err = h.Login(ctx, c)
	isLocked(t, "the right password", err)
	c.Password = "not the password"
	if _, err := h.Login(ctx, c); !grove.HasReason(err, grove.ReasonWrongPassword) {
		t.Errorf("a wrong password: %v", err)
	}
	if _, err := h.Login(ctx, Credentials{Account: c.Account, Code: "123456", Remote: c.Remote}); !grove.HasReason(err, grove.ReasonWrongCode) {
		t.Errorf("a guess at a code: %v", err)
	}
	if err := h.grant(ctx, wish{grove.LoginPass, c.Account, c.Remote}); err != nil || len(h.board.open(time.Now())) != 0 {
		t.Errorf("a code was sent: %v", err)
	}
}

func TestASecondStepOpensNoLockedAccount(t *testing.T) {
	t.Parallel()
	h := newLockHouse(t)
	u, err := h.records.User(t.Context(), h.bob.UserID)
	ok(t, err)
	_, err = h.Lock(t.Context(), h.ann, h.bob.UserID)
	ok(t, err)
	_, err = h.letIn(t.Context(), u, arrival{"x", "127.0.0.1", time.Now()})
	isLocked(t, "who had proved everything before", err)
}

func TestWhoLocksWhom(t *testing.T) {
	t.Parallel()
	h := newLockHouse(t)
	ctx := t.Context()
	bert := signedIn(t, h.Access, "bert@example.org")
	for what, c := range map[string]struct {
		by, whom grove.Actor
		reason   string
	}{
		"oneself":            {h.ann, h.ann, "own_account"},
		"an owner, by admin": {h.admin, h.ann, "owners_only"},
		"an admin, by admin": {h.admin, h.admin, "own_account"},
		"by an operator":     {h.bob, bert, "not_allowed"},
		"nobody":             {h.ann, grove.Actor{UserID: 4711}, "user_not_found"},
	} {
		if _, err := h.Lock(ctx, c.by, c.whom.UserID); !grove.HasReason(err, c.reason) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := h.Unlock(ctx, c.by, c.whom.UserID); !grove.HasReason(err, c.reason) {
			t.Errorf("unlock %s: %v", what, err)
		}
	}
	_, err := h.SetRole(ctx, h.ann, h.admin.UserID, grove.Owner)
	ok(t, err)
	_, err = h.Lock(ctx, h.ann, h.admin.UserID)
	ok(t, err)
	if _, err := h.SetRole(ctx, h.ann, h.ann.UserID, grove.Viewer); !grove.HasReason(err, "last_owner") {
		t.Errorf("the last owner who can come in went: %v", err)
	}
	if _, err := h.SetRole(ctx, h.ann, h.admin.UserID, grove.Viewer); err != nil {
		t.Errorf("a locked owner is none that counts: %v", err)
	}
	// What the judge says who was asked before the other owner was locked.
	owner := grove.User{ID: h.admin.UserID, Role: grove.Owner}
	if err := h.mayLock(h.ann)(owner, 1); !grove.HasReason(err, "last_owner") {
		t.Errorf("two owners lock each other: %v", err)
	}
}

func TestALockElsewhereCutsHereWithinASecond(t *testing.T) {
	t.Parallel()
	nothing := func(*testing.T, *lockHouse) {}
	reads := func(t *testing.T, h *lockHouse) { // as whoever is let in here between two ticks may have it done
		t.Helper()
		ok(t, h.Rights.Refresh(t.Context()))
	}
	for name, c := range map[string]struct{ before, after func(*testing.T, *lockHouse) }{
		"and nothing else happens":               {nothing, nothing},
		"and rights are read here just before":   {reads, nothing},
		"and rights are read here just after it": {nothing, reads},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newLockHouse(t)
				_, err := h.Enter(t.Context(), MQTTCredentials{
					Username: username(h.bob.UserID), Password: login(t, h.Access, "bob@example.org").Access, Remote: netip.MustParseAddr("127.0.0.1"),
				})
				ok(t, err)
				over := make(chan string, 9)
				h.OnEnd(func(id string) { over <- id })
				_, stop := contextWithStop(t, h.Access)
				defer stop()
				<-time.After(refreshEvery + refreshEvery/2)
				there := on(t, h.db, Config{})
				c.before(t, h)
				began := time.Now()
				_, err = there.Lock(t.Context(), h.ann, h.bob.UserID)
				ok(t, err)
				c.after(t, h)
				<-over
				if took := time.Since(began); took > refreshEvery {
					t.Errorf("cut after %s", took)
				}
			})
		})
	}
}
