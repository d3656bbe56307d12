package access

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/grovecloud/grove"
)

// signedIn signs somebody new in.
func signedIn(t testing.TB, a *Access, email string) grove.Actor {
	t.Helper()
	addUser(t, a, email)
	return atSession(t, a, email)
}

// atSession signs somebody in.
func atSession(t testing.TB, a *Access, email string) grove.Actor {
	t.Helper()
	actor, err := a.Authenticate(t.Context(), string(login(t, a, email).Access))
	if err != nil {
		t.Fatal(err)
	}
	return actor
}

func makeKey(t testing.TB, a *Access, actor grove.Actor, w KeyWish) (grove.Key, string) {
	t.Helper()
	if w.Name == "" {
		w.Name = "script"
	}
	k, secret, err := a.CreateKey(t.Context(), actor, w)
	if err != nil {
		t.Fatal(err)
	}
	return k, string(secret)
}

func TestAKeyComesInUntilItIsRevoked(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	var ended []string
	a.OnEnd(func(id string) { ended = append(ended, id) })
	ann := signedIn(t, a, "ann@example.org")
	k, secret := makeKey(t, a, ann, KeyWish{Scopes: []grove.Action{grove.ReadPrinter}, AllPrinters: true})
	if !strings.HasPrefix(secret, "grove_") || len(secret) < 6+52 {
		t.Errorf("the key %q is not 256 bits behind its prefix", secret)
	}
	want := grove.Actor{Kind: grove.ActorKey, UserID: ann.UserID, SessionID: k.ID}
	if got, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: internet, Over: grove.OverHTTP}); err != nil || got != want {
		t.Errorf("as a bearer: %+v, %v, want %+v", got, err, want)
	}
	mqtt := MQTTCredentials{Username: username(ann.UserID), Password: grove.Secret(secret), Remote: internet}
	if got, err := a.Enter(t.Context(), mqtt); err != nil || got != want {
		t.Errorf("over MQTT: %+v, %v, want %+v", got, err, want)
	}
	mqtt.Username = username(ann.UserID + 1)
	if _, err := a.Enter(t.Context(), mqtt); !errors.Is(err, grove.Unauthenticated) {
		t.Errorf("under another user's name: %v", err)
	}
	if _, err := a.Authenticate(t.Context(), secret); !errors.Is(err, grove.Unauthenticated) {
		t.Errorf("as a session's token: %v", err)
	}
	if _, err := a.AuthenticateFrom(t.Context(), secret+"x", Visit{Remote: internet, Over: grove.OverHTTP}); !grove.HasReason(err, grove.ReasonTokenInvalid) {
		t.Errorf("a key that is none: %v", err)
	}
	if err := a.RevokeKey(t.Context(), ann, k.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: internet, Over: grove.OverHTTP}); !grove.HasReason(err, grove.ReasonTokenInvalid) {
		t.Errorf("after it was revoked: %v, want token_invalid", err)
	}
	if len(ended) != 1 || ended[0] != k.ID {
		t.Errorf("told of the ends of %q, want %q", ended, k.ID)
	}
	list, err := db.Audit(t.Context(), ann.UserID, grove.Page{Limit: 2})
	if err != nil || len(list.Items) != 2 || list.Items[0].Action != "key.revoke" || list.Items[1].Action != "key.create" {
		t.Errorf("audit: %+v, %v", list.Items, err)
	}
}

func TestAKeyThatWasRevokedElsewhereEndsWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		here, there := on(t, db, Config{}), on(t, db, Config{})
		ctx, stop := contextWithStop(t, there)
		defer stop()
		ended := make(chan string, 1)
		there.OnEnd(func(id string) { ended <- id })
		ann := signedIn(t, here, "ann@example.org")
		k, secret := makeKey(t, here, ann, KeyWish{Scopes: grove.Scopes(), AllPrinters: true})
		<-time.After(time.Second)
		actor, err := there.AuthenticateFrom(ctx, secret, Visit{Remote: internet, Over: grove.OverHTTP})
		if err != nil {
			t.Fatal(err)
		}
		if err := here.RevokeKey(ctx, ann, k.ID); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Second)
		synctest.Wait()
		if len(ended) != 1 {
			t.Error("a second later its connections were not ended")
		}
		if err := there.Authorize(actor, grove.ReadPrinter, grove.Resource{Serial: "P1", OwnerID: ann.UserID}); !errors.Is(err, grove.Unauthenticated) {
			t.Errorf("a second later it may still read: %v", err)
		}
	})
}

func TestAKeyEndsWithItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{})
		ctx, stop := contextWithStop(t, a)
		defer stop()
		ended := make(chan string, 1)
		a.OnEnd(func(id string) { ended <- id })
		ann := signedIn(t, a, "ann@example.org")
		k, secret := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes(), AllPrinters: true, ExpiresAt: time.Now().Add(time.Hour)})
		<-time.After(time.Hour - time.Second)
		if _, err := a.AuthenticateFrom(ctx, secret, Visit{Remote: internet, Over: grove.OverHTTP}); err != nil {
			t.Errorf("a second before: %v", err)
		}
		<-time.After(2 * time.Second)
		if _, err := a.AuthenticateFrom(ctx, secret, Visit{Remote: internet, Over: grove.OverHTTP}); !grove.HasReason(err, grove.ReasonTokenExpired) {
			t.Errorf("a second after: %v", err)
		}
		makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes()}) // what is granted is read anew
		<-time.After(time.Minute)
		if _, err := a.AuthenticateFrom(ctx, secret, Visit{Remote: internet, Over: grove.OverHTTP}); !grove.HasReason(err, grove.ReasonTokenExpired) {
			t.Errorf("a minute after: %v", err)
		}
		synctest.Wait()
		if len(ended) != 1 || <-ended != k.ID {
			t.Error("its connections were not ended")
		}
	})
}

func TestAKeyMayBeBoundToANetwork(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	ann := signedIn(t, a, "ann@example.org")
	_, home := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes(), Network: "192.168.1.0/24"})
	_, one := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes(), Network: "192.168.1.20"})
	for _, c := range []struct {
		key    string
		remote netip.Addr
		ok     bool
	}{
		{home, lan, true},
		{home, netip.MustParseAddr("::ffff:192.168.1.77"), true},
		{home, netip.MustParseAddr("192.168.2.1"), false},
		{home, internet, false},
		{home, netip.Addr{}, false},
		{one, lan, true},
		{one, netip.MustParseAddr("192.168.1.21"), false},
	} {
		_, err := a.AuthenticateFrom(t.Context(), c.key, Visit{Remote: c.remote, Over: grove.OverHTTP})
		if (err == nil) != c.ok || err != nil && !errors.Is(err, grove.Forbidden) {
			t.Errorf("from %s: %v, want in: %t", c.remote, err, c.ok)
		}
	}
}

// A page shows that a client has come for the first time, by which way, and from where.
func TestTheFirstUseIsNotedAtOnceOverEachWay(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann := signedIn(t, a, "ann@example.org")
	k, secret := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes()})
	if _, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: lan, Client: "curl/8\n.5", Over: grove.OverHTTP}); err != nil {
		t.Fatal(err)
	}
	used := func() grove.Use {
		list, err := a.Keys(t.Context(), ann, grove.Page{})
		if err != nil || list.Items[0].ID != k.ID {
			t.Fatal(list, err)
		}
		return list.Items[0].Use
	}
	if u := used(); u.UsedAt.IsZero() || u.UsedFrom != lan.String() || u.UsedBy != "curl/8 .5" || u.UsedOver != grove.OverHTTP {
		t.Errorf("%+v", u)
	}
	if _, err := a.Enter(t.Context(), MQTTCredentials{Username: username(ann.UserID), Password: grove.Secret(secret), Remote: internet, Client: "mqttjs_1"}); err != nil {
		t.Fatal(err)
	}
	if u := used(); u.UsedFrom != internet.String() || u.UsedBy != "mqttjs_1" || u.UsedOver != grove.OverMQTT {
		t.Errorf("%+v", u)
	}
}

func TestWhoHangsUpAtOnceHasComeAllTheSame(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann := signedIn(t, a, "ann@example.org")
	_, secret := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes()})
	hurried, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := a.AuthenticateFrom(hurried, secret, Visit{Remote: lan, Over: grove.OverHTTP}); err != nil {
		t.Fatal(err)
	}
	list, err := a.Keys(t.Context(), ann, grove.Page{})
	if err != nil || list.Items[0].UsedAt.IsZero() {
		t.Errorf("the use is lost: %+v, %v", list.Items, err)
	}
}

// forgetful can't write down what is used.
type forgetful struct {
	Records

	broken bool
}

func (f *forgetful) KeyUsed(ctx context.Context, id string, u grove.Use) error {
	if f.broken {
		return errors.New("the disk is full")
	}
	return f.Records.KeyUsed(ctx, id, u)
}

func TestAUseThatCouldNotBeNotedIsNotedSoonAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := &forgetful{Records: open(t), broken: true}
		a, err := New(t.Context(), Config{Records: db, Hashes: Hashing{MemoryKiB: 64, Passes: 1}, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		ann := signedIn(t, a, "ann@example.org")
		_, secret := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes()})
		use := func() {
			if _, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: lan, Over: grove.OverHTTP}); err != nil {
				t.Fatal(err)
			}
		}
		noted := func() bool {
			list, err := a.Keys(t.Context(), ann, grove.Page{})
			if err != nil {
				t.Fatal(err)
			}
			return !list.Items[0].UsedAt.IsZero()
		}
		use()
		db.broken = false
		if use(); noted() {
			t.Error("what could not be written is tried again at once")
		}
		<-time.After(noteAgain)
		if use(); !noted() {
			t.Error("the use is lost")
		}
	})
}

func TestTheLastUseOfAKeyIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		a := on(t, db, Config{})
		ann := signedIn(t, a, "ann@example.org")
		_, secret := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes()})
		used := func() time.Time {
			list, err := db.Keys(t.Context(), ann.UserID, grove.Page{})
			if err != nil {
				t.Fatal(err)
			}
			return list.Items[0].UsedAt
		}
		if at := used(); !at.IsZero() {
			t.Errorf("used at %s before it was", at)
		}
		first := time.Now()
		for range 3 {
			if _, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: lan, Over: grove.OverHTTP}); err != nil {
				t.Fatal(err)
			}
			if !used().Equal(first.UTC().Truncate(time.Millisecond)) {
				t.Errorf("used at %s, noted %s", first, used())
			}
			<-time.After(29 * time.Second)
		}
		if _, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: lan, Over: grove.OverHTTP}); err != nil {
			t.Fatal(err)
		}
		if !used().After(first) {
			t.Error("a use a minute later was not noted")
		}
	})
}

func TestUnfitKeysAreRefused(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann := signedIn(t, a, "ann@example.org")
	bob := signedIn(t, a, "bob@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: bob.UserID})
	for name, w := range map[string]KeyWish{
		"name":         {Name: " "},
		"control":      {Name: "a\x00b"},
		"scopes":       {Name: "x", Scopes: []grove.Action{"everything"}},
		"users":        {Name: "x", Scopes: []grove.Action{grove.AdminUsers}},
		"keys":         {Name: "x", Scopes: []grove.Action{grove.AdminKeys}},
		"both":         {Name: "x", AllPrinters: true, Printers: []string{"P1"}},
		"network":      {Name: "x", Network: "home"},
		"past":         {Name: "x", ExpiresAt: time.Now().Add(-time.Hour)},
		"not my own":   {Name: "x", Printers: []string{"P1"}},
		"no printer":   {Name: "x", Printers: []string{"P2"}},
		"empty serial": {Name: "x", Printers: []string{""}},
	} {
		if _, _, err := a.CreateKey(t.Context(), ann, w); !errors.Is(err, grove.Invalid) && !errors.Is(err, grove.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k, secret := makeKey(t, a, ann, KeyWish{Scopes: grove.Scopes(), AllPrinters: true})
	program, err := a.AuthenticateFrom(t.Context(), secret, Visit{Remote: lan, Over: grove.OverHTTP})
	if err != nil {
		t.Fatal(err)
	}
	for what, try := range map[string]func() error{
		"make keys":   func() error { _, _, err := a.CreateKey(t.Context(), program, KeyWish{Name: "x"}); return err },
		"list keys":   func() error { _, err := a.Keys(t.Context(), program, grove.Page{}); return err },
		"revoke keys": func() error { return a.RevokeKey(t.Context(), program, k.ID) },
		"share":       func() error { _, _, err := a.Share(t.Context(), program, ShareWish{Serial: "P1"}); return err },
		"unshare":     func() error { return a.Unshare(t.Context(), program, "sha_1") },
		"accept":      func() error { _, err := a.AcceptShare(t.Context(), program, "x"); return err },
		"list users":  func() error { _, err := a.Users(t.Context(), program, grove.Page{}); return err },
		"give roles":  func() error { _, err := a.SetRole(t.Context(), program, bob.UserID, grove.Viewer); return err },
		"log out":     func() error { return a.Logout(t.Context(), program) },
		"be renamed":  func() error { _, err := a.UpdateProfile(t.Context(), program, ProfileChange{}); return err },
	} {
		if err := try(); !errors.Is(err, grove.Forbidden) && !errors.Is(err, grove.NotFound) {
			t.Errorf("a program may %s: %v", what, err)
		}
	}
	if err := a.RevokeKey(t.Context(), bob, k.ID); !errors.Is(err, grove.NotFound) {
		t.Errorf("somebody else's key was revoked: %v", err)
	}
}

func TestAnInvitationEndsAfterAWeekAndWithItsOwnersRole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{})
		ann, err := a.AddUser(t.Context(), "ann@example.org", goodPassword, "Ann", grove.Owner)
		if err != nil {
			t.Fatal(err)
		}
		bob, err := a.AddUser(t.Context(), "bob@example.org", goodPassword, "Bob", grove.Owner)
		if err != nil {
			t.Fatal(err)
		}
		me := atSession(t, a, ann.Email)
		proof := Proof{Password: goodPassword, Remote: "127.0.0.1"}
		late, err := a.Invite(t.Context(), me, "late@example.org", grove.Viewer, proof)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(7 * 24 * time.Hour)
		if _, err := a.Accept(t.Context(), string(late.Token), goodPassword, "Late", "127.0.0.1"); !grove.HasReason(err, "invitation_over") {
			t.Errorf("after a week: %v", err)
		}
		sock, err := a.Invite(t.Context(), me, "sock@example.org", grove.Owner, proof)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.SetRole(t.Context(), grove.Actor{Kind: grove.ActorUser, UserID: bob.ID}, ann.ID, grove.Viewer); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Accept(t.Context(), string(sock.Token), goodPassword, "Sock", "127.0.0.1"); !grove.HasReason(err, "invitation_over") {
			t.Errorf("of somebody who is no owner any more: %v", err)
		}
	})
}

func TestAResetEndsTheKeysTooAndTheOtherCodes(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	ann, err := a.AddUser(t.Context(), "ann@example.org", goodPassword, "Ann", grove.Owner)
	if err != nil {
		t.Fatal(err)
	}
	me := atSession(t, a, ann.Email)
	_, secret, err := a.CreateKey(t.Context(), me, KeyWish{Name: "thief", Scopes: grove.Scopes(), AllPrinters: true})
	if err != nil {
		t.Fatal(err)
	}
	proof := Proof{Password: goodPassword, Remote: "127.0.0.1"}
	first, err := a.OwnerReset(t.Context(), me, ann.ID, false, proof)
	if err != nil {
		t.Fatal(err)
	}
	second, err := a.OwnerReset(t.Context(), me, ann.ID, false, proof)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Reset(t.Context(), ann.Email, string(first.Code), "quite another password", "127.0.0.1"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.AuthenticateFrom(t.Context(), string(secret), Visit{Remote: netip.MustParseAddr("127.0.0.1"), Over: grove.OverHTTP}); err == nil {
		t.Error("a key of before the reset still counts")
	}
	if err := a.Reset(t.Context(), ann.Email, string(second.Code), "yet another password", "127.0.0.1"); err == nil {
		t.Error("the other code still counts")
	}
}

func TestWhoTookAnAppAwayIsWrittenDown(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann, err := a.AddUser(t.Context(), "ann@example.org", goodPassword, "Ann", grove.Owner)
	if err != nil {
		t.Fatal(err)
	}
	bob, err := a.AddUser(t.Context(), "bob@example.org", goodPassword, "Bob", grove.Operator)
	if err != nil {
		t.Fatal(err)
	}
	me := atSession(t, a, ann.Email)
	if _, err := a.OwnerReset(t.Context(), me, bob.ID, true, Proof{Password: goodPassword, Remote: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	acts := map[int64][]string{}
	for _, id := range []int64{ann.ID, bob.ID} {
		list, err := db.Audit(t.Context(), id, grove.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.Items {
			acts[id] = append(acts[id], e.Action)
		}
	}
	if !slices.Contains(acts[ann.ID], "user.totp_off") || slices.Contains(acts[bob.ID], "user.totp_off") {
		t.Errorf("by the owner %q, by the user %q", acts[ann.ID], acts[bob.ID])
	}
}

// keepsCodes are records that fail to end codes.
type keepsCodes struct{ Records }

var errKept = errors.New("the disk is full")

func (keepsCodes) DropPasses(context.Context, grove.PassKind, int64) error { return errKept }

func TestAResetEndsTheSessionsWhereCodesCannotBeEnded(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	ann, err := a.AddUser(t.Context(), "ann@example.org", goodPassword, "Ann", grove.Owner)
	if err != nil {
		t.Fatal(err)
	}
	me := atSession(t, a, ann.Email)
	_, secret, err := a.CreateKey(t.Context(), me, KeyWish{Name: "thief", Scopes: grove.Scopes(), AllPrinters: true})
	if err != nil {
		t.Fatal(err)
	}
	code, err := a.OwnerReset(t.Context(), me, ann.ID, false, Proof{Password: goodPassword, Remote: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	a.records = keepsCodes{a.records}
	if err := a.Reset(t.Context(), ann.Email, string(code.Code), "quite another password", "127.0.0.1"); !errors.Is(err, errKept) {
		t.Errorf("the reset tells %v", err)
	}
	if _, err := a.AuthenticateFrom(t.Context(), string(secret), Visit{Remote: netip.MustParseAddr("127.0.0.1"), Over: grove.OverHTTP}); err == nil {
		t.Error("a key of before the reset still counts")
	}
}

func TestALongAccountNameIsNotKept(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 1<<20)
	if kept := oneLine(long, maxEmail); len(kept) != maxEmail || unsafe.StringData(kept) == unsafe.StringData(long) {
		t.Errorf("%d bytes are kept, on the memory of all", len(kept))
	}
}

func TestAConnectionEndsWithItsSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db := open(t)
		a := on(t, db, Config{TokenLife: time.Hour})
		addUser(t, a, "ann@example.org")
		tokens := login(t, a, "ann@example.org")
		actor, err := a.Enter(t.Context(), MQTTCredentials{Username: username(tokens.User.ID), Password: tokens.Access})
		if err != nil {
			t.Fatal(err)
		}
		over := make(chan string, 8)
		a.OnEnd(func(id string) { over <- id })
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Run(ctx) }()
		<-time.After(time.Hour - time.Minute)
		if len(over) != 0 {
			t.Error("cut before its end")
		}
		<-time.After(2 * time.Minute)
		select {
		case id := <-over:
			if id != actor.SessionID {
				t.Errorf("%s ended", id)
			}
		default:
			t.Error("the session is over and the connection stays")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
