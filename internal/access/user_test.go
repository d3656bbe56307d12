package access

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

func TestUnfitAccountsAreRefused(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	addUser(t, a, "ann@example.org")
	for _, tc := range []struct {
		name, email string
		password    grove.Secret
		person      string
		role        grove.Role
		code        grove.Code
		field       string
	}{
		{"short password", "b@example.org", "elevenchars", "B", grove.Operator, grove.Invalid, "password"},
		{"short in characters", "b@example.org", "ääääää", "B", grove.Operator, grove.Invalid, "password"},
		{"long password", "b@example.org", grove.Secret(strings.Repeat("x", 1025)), "B", grove.Operator, grove.Invalid, "password"},
		{"no address", "", goodPassword, "B", grove.Operator, grove.Invalid, "email"},
		{"not an address", "bob", goodPassword, "B", grove.Operator, grove.Invalid, "email"},
		{"two addresses", "a@b@c", goodPassword, "B", grove.Operator, grove.Invalid, "email"},
		{"line break", "a@b\nc", goodPassword, "B", grove.Operator, grove.Invalid, "email"},
		{"long name", "b@example.org", goodPassword, strings.Repeat("x", 101), grove.Operator, grove.Invalid, "name"},
		{"no role", "b@example.org", goodPassword, "B", "", grove.Invalid, "role"},
		{"taken", "ANN@example.org", goodPassword, "B", grove.Operator, grove.Conflict, ""},
	} {
		_, err := a.AddUser(t.Context(), tc.email, tc.password, tc.person, tc.role)
		if !errors.Is(err, tc.code) || tc.field != "" && grove.AsError(err).Fields[tc.field] == "" {
			t.Errorf("%s: %v, want %s of field %q", tc.name, err, tc.code, tc.field)
		}
	}
	if _, err := a.AddUser(t.Context(), "max@example.org", grove.Secret(strings.Repeat("x", 1024)), "", grove.Owner); err != nil {
		t.Errorf("the longest password: %v", err)
	}
	short := on(t, open(t), Config{MinPassword: 8})
	if _, err := short.AddUser(t.Context(), "demo@grove", "grove-demo", "Demo", grove.Owner); err != nil {
		t.Errorf("ten characters where eight suffice: %v", err)
	}
}

func TestProfileIsOnesOwn(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	u := addUser(t, a, "ann@example.org")
	actor := grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
	name, picture, bad := "Ann B.", "https://example.org/ann.png", "javascript:alert(1)"
	got, err := a.UpdateProfile(t.Context(), actor, ProfileChange{Name: &name})
	if err != nil || got.Name != name {
		t.Errorf("name: %+v, %v", got, err)
	}
	got, err = a.UpdateProfile(t.Context(), actor, ProfileChange{AvatarURL: &picture})
	if err != nil || got.Name != name || got.AvatarURL != picture {
		t.Errorf("picture: %+v, %v", got, err)
	}
	if _, err := a.UpdateProfile(t.Context(), actor, ProfileChange{AvatarURL: &bad}); !errors.Is(err, grove.Invalid) {
		t.Errorf("a script as picture: %v", err)
	}
	if got, err := a.User(t.Context(), actor); err != nil || got.Email != u.Email {
		t.Errorf("user: %+v, %v", got, err)
	}
	for code, who := range map[grove.Code]grove.Actor{
		grove.Forbidden:       {Kind: grove.ActorPrinter, Serial: "P1"},
		grove.Unauthenticated: {},
	} {
		if _, err := a.User(t.Context(), who); !errors.Is(err, code) {
			t.Errorf("profile as %q: %v, want %s", who.Kind, err, code)
		}
		if _, err := a.UpdateProfile(t.Context(), who, ProfileChange{}); !errors.Is(err, code) {
			t.Errorf("change as %q: %v, want %s", who.Kind, err, code)
		}
	}
}

func TestSetupWorksOnce(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	if needed, err := a.NeedsSetup(t.Context()); err != nil || !needed {
		t.Fatalf("NeedsSetup = %t, %v", needed, err)
	}
	code, _ := a.SetupCode()
	if _, err := a.Setup(t.Context(), code, "ann@example.org", "short", "Ann"); !errors.Is(err, grove.Invalid) {
		t.Fatalf("a short password: %v", err)
	}
	typed := " " + strings.ToLower(strings.ReplaceAll(code, "-", " "))
	u, err := a.Setup(t.Context(), typed, "ann@example.org", goodPassword, "Ann")
	if err != nil || u.Role != grove.Owner {
		t.Fatalf("setup: %+v, %v", u, err)
	}
	login(t, a, "ann@example.org")
	if _, err := a.Setup(t.Context(), code, "eve@example.org", goodPassword, "Eve"); !errors.Is(err, grove.NotFound) {
		t.Errorf("setup once more: %v, want not found", err)
	}
	if needed, err := a.NeedsSetup(t.Context()); err != nil || needed {
		t.Errorf("NeedsSetup = %t, %v", needed, err)
	}
	db.Close()
	if needed, err := a.NeedsSetup(t.Context()); err != nil || needed {
		t.Errorf("the records are asked for an owner that there was: %t, %v", needed, err)
	}
}

func TestOnlyOneBecomesTheFirstOwner(t *testing.T) {
	t.Parallel()
	db := open(t)
	a := on(t, db, Config{})
	code, _ := a.SetupCode()
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = a.Setup(t.Context(), code, string(rune('a'+i))+"@example.org", goodPassword, "")
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, grove.NotFound):
			t.Errorf("a loser got %v, want not found", err)
		}
	}
	if n, err := db.UserCount(t.Context()); won != 1 || n != 1 || err != nil {
		t.Errorf("%d won, %d users, %v", won, n, err)
	}
}

func TestASetupCodeDiesOfWrongTries(t *testing.T) {
	t.Parallel()
	a := on(t, open(t), Config{})
	code, _ := a.SetupCode()
	for range 10 {
		_, err := a.Setup(t.Context(), "AAAAA-AAAAA", "eve@example.org", goodPassword, "Eve")
		if !grove.HasReason(err, "setup_code_wrong") || !errors.Is(err, grove.Forbidden) {
			t.Fatalf("a wrong code: %v", err)
		}
	}
	if _, err := a.Setup(t.Context(), code, "ann@example.org", goodPassword, "Ann"); !grove.HasReason(err, "setup_code_dead") {
		t.Errorf("the right code after ten wrong ones: %v", err)
	}
}

func TestASetupCodeExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := on(t, open(t), Config{})
		code, until := a.SetupCode()
		<-time.After(time.Until(until))
		_, err := a.Setup(t.Context(), code, "ann@example.org", goodPassword, "Ann")
		if !grove.HasReason(err, "setup_code_expired") || !errors.Is(err, grove.Forbidden) {
			t.Errorf("after %s: %v", until, err)
		}
		if _, err := on(t, open(t), Config{}).Setup(t.Context(), code, "a@b", goodPassword, ""); !grove.HasReason(err, "setup_code_wrong") {
			t.Errorf("the code of another start: %v", err)
		}
	})
}
