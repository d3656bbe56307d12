package access

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// contextWithStop runs a's loop until stop is called.
func contextWithStop(t *testing.T, a *Access) (ctx context.Context, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return ctx, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// twoHouses are two people, and a printer of the first's.
func twoHouses(t *testing.T) (a *Access, ann, bob grove.Actor, bench grove.Resource) {
	t.Helper()
	db := open(t)
	a = on(t, db, Config{})
	ann, bob = signedIn(t, a, "ann@example.org"), signedIn(t, a, "bob@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.UserID})
	return a, ann, bob, grove.Resource{Serial: "P1", OwnerID: ann.UserID}
}

func TestAGuestSeesThePrinterUntilItIsUnshared(t *testing.T) {
	t.Parallel()
	a, ann, bob, bench := twoHouses(t)
	s, token, err := a.Share(t.Context(), ann, ShareWish{Serial: "P1", Email: " Bob@Example.org", Role: grove.Viewer})
	if err != nil || token != "" || s.Email != "bob@example.org" {
		t.Fatalf("share = %+v, %q, %v", s, string(token), err)
	}
	check(t, a.Rights, "viewer", bob, grove.ReadPrinter, bench, yes)
	check(t, a.Rights, "viewer", bob, grove.ControlPrinter, bench, no)
	if _, _, err := a.Share(t.Context(), ann, ShareWish{Serial: "P1", Email: "bob@example.org", Role: grove.Operator}); err != nil {
		t.Fatal(err)
	}
	check(t, a.Rights, "operator", bob, grove.StartPrint, bench, yes)
	if _, _, err := a.Share(t.Context(), bob, ShareWish{Serial: "P1", Role: grove.Operator}); !errors.Is(err, grove.Forbidden) {
		t.Errorf("a guest shared the printer: %v", err)
	}
	for _, who := range []grove.Actor{ann, bob} {
		list, err := a.Shares(t.Context(), who, "P1", grove.Page{})
		if err != nil || len(list.Items) != 1 || list.Items[0].Role != grove.Operator {
			t.Fatalf("shares = %+v, %v", list, err)
		}
		s = list.Items[0]
	}
	cy := signedIn(t, a, "cy@example.org")
	if err := a.Unshare(t.Context(), cy, s.ID); !errors.Is(err, grove.NotFound) {
		t.Errorf("a stranger ended the share: %v", err)
	}
	if err := a.Unshare(t.Context(), ann, s.ID); err != nil {
		t.Fatal(err)
	}
	check(t, a.Rights, "no guest any more", bob, grove.ReadPrinter, bench, hidden)
	if err := a.Unshare(t.Context(), ann, s.ID); !errors.Is(err, grove.NotFound) {
		t.Errorf("it was ended twice: %v", err)
	}
}

func TestALinkIsAcceptedOnce(t *testing.T) {
	t.Parallel()
	a, ann, bob, bench := twoHouses(t)
	cy := signedIn(t, a, "cy@example.org")
	_, token, err := a.Share(t.Context(), ann, ShareWish{Serial: "P1", Role: grove.Operator})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.AcceptShare(t.Context(), ann, string(token)); !grove.HasReason(err, "own_share") {
		t.Errorf("its owner accepted it: %v", err)
	}
	s, err := a.AcceptShare(t.Context(), bob, string(token))
	if err != nil || s.UserID != bob.UserID {
		t.Fatalf("accepted: %+v, %v", s, err)
	}
	check(t, a.Rights, "guest", bob, grove.StartPrint, bench, yes)
	if _, err := a.AcceptShare(t.Context(), cy, string(token)); !errors.Is(err, grove.NotFound) {
		t.Errorf("it was accepted twice: %v", err)
	}
	if _, err := a.AcceptShare(t.Context(), cy, ""); !errors.Is(err, grove.NotFound) {
		t.Errorf("no token was accepted: %v", err)
	}
	if err := a.Unshare(t.Context(), bob, s.ID); err != nil {
		t.Errorf("the guest could not give it back: %v", err)
	}
	check(t, a.Rights, "gave it back", bob, grove.ReadPrinter, bench, hidden)
}

func TestSharesAndLinksEndWithTheirTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, ann, bob, bench := twoHouses(t)
		_, _, err := a.Share(t.Context(), ann, ShareWish{Serial: "P1", Email: "bob@example.org", Role: grove.Viewer, ExpiresAt: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		_, token, err := a.Share(t.Context(), ann, ShareWish{Serial: "P1", Role: grove.Viewer})
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour - time.Second)
		check(t, a.Rights, "a second before", bob, grove.ReadPrinter, bench, yes)
		<-time.After(time.Second)
		check(t, a.Rights, "at the end", bob, grove.ReadPrinter, bench, hidden)
		if got := a.Reach(bob).Shared; len(got) != 0 {
			t.Errorf("its lists still show %v", got)
		}
		<-time.After(linkLife)
		if _, err := a.AcceptShare(t.Context(), bob, string(token)); !errors.Is(err, grove.NotFound) {
			t.Errorf("a link of last week was accepted: %v", err)
		}
	})
}

func TestAShareEndsWithTheOwnership(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	ann, bob := signedIn(t, a, "ann@example.org"), signedIn(t, a, "bob@example.org")
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.UserID})
	if _, _, err := a.Share(t.Context(), ann, ShareWish{Serial: "P1", Email: "bob@example.org", Role: grove.Viewer}); err != nil {
		t.Fatal(err)
	}
	if err := db.UnbindPrinter(t.Context(), "P1", ann.UserID, time.Now()); err != nil {
		t.Fatal(err)
	}
	bindPrinter(t, db, grove.Printer{Serial: "P1", OwnerID: ann.UserID})
	if err := a.Rights.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(t, a.Rights, "after it was bound anew", bob, grove.ReadPrinter, grove.Resource{Serial: "P1", OwnerID: ann.UserID}, hidden)
}

func TestUnfitSharesAreRefused(t *testing.T) {
	t.Parallel()
	a, ann, bob, _ := twoHouses(t)
	for name, c := range map[string]struct {
		actor grove.Actor
		wish  ShareWish
		want  grove.Code
	}{
		"no account":  {ann, ShareWish{Serial: "P1", Email: "eve@example.org", Role: grove.Viewer}, grove.Invalid},
		"oneself":     {ann, ShareWish{Serial: "P1", Email: "ann@example.org", Role: grove.Viewer}, grove.Invalid},
		"as owner":    {ann, ShareWish{Serial: "P1", Email: "bob@example.org", Role: grove.Owner}, grove.Invalid},
		"no role":     {ann, ShareWish{Serial: "P1", Email: "bob@example.org"}, grove.Invalid},
		"past":        {ann, ShareWish{Serial: "P1", Email: "bob@example.org", Role: grove.Viewer, ExpiresAt: time.Now().Add(-time.Hour)}, grove.Invalid},
		"another's":   {bob, ShareWish{Serial: "P1", Role: grove.Viewer}, grove.NotFound},
		"no printer":  {ann, ShareWish{Serial: "P2", Role: grove.Viewer}, grove.NotFound},
		"nobody":      {grove.Actor{}, ShareWish{Serial: "P1", Role: grove.Viewer}, grove.Unauthenticated},
		"by its code": {grove.Actor{Kind: grove.ActorCode, Serial: "P1"}, ShareWish{Serial: "P1", Role: grove.Viewer}, grove.Forbidden},
	} {
		if _, _, err := a.Share(t.Context(), c.actor, c.wish); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestRolesAreGivenByThoseAbove(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	owner, admin, ann := signedIn(t, a, "owner@example.org"), signedIn(t, a, "admin@example.org"), signedIn(t, a, "ann@example.org")
	set := func(id int64, role grove.Role) {
		t.Helper()
		if _, err := db.SetRole(t.Context(), id, func(grove.User, int) (grove.Role, error) { return role, nil }); err != nil {
			t.Fatal(err)
		}
	}
	set(owner.UserID, grove.Owner)
	set(admin.UserID, grove.Admin)
	if err := a.Rights.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	bench := grove.Resource{Serial: "P1", OwnerID: ann.UserID}
	for i, c := range []struct {
		by   grove.Actor
		id   int64
		role grove.Role
		want string // a reason; empty: done
	}{
		{ann, admin.UserID, grove.Viewer, "not_allowed"},
		{ann, ann.UserID, grove.Owner, "not_allowed"},
		{admin, ann.UserID, grove.Owner, "owners_only"},
		{admin, owner.UserID, grove.Viewer, "owners_only"},
		{admin, ann.UserID, "king", "role_unfit"},
		{admin, 99, grove.Viewer, "user_not_found"},
		{owner, owner.UserID, grove.Viewer, "last_owner"},
		{admin, ann.UserID, grove.Viewer, ""},
		{owner, ann.UserID, grove.Owner, ""},
		{owner, owner.UserID, grove.Operator, ""},
		{owner, ann.UserID, grove.Viewer, "not_allowed"},
	} {
		if _, err := a.SetRole(t.Context(), c.by, c.id, c.role); c.want == "" && err != nil || c.want != "" && !grove.HasReason(err, c.want) {
			t.Errorf("%d: %v, want %q", i, err, c.want)
		}
		if i == 7 { // at once
			check(t, a.Rights, "made a viewer", ann, grove.ControlPrinter, bench, no)
		}
	}
	check(t, a.Rights, "made an owner", ann, grove.ControlPrinter, bench, yes)
}
