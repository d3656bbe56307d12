package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func ann() grove.User {
	return grove.User{Email: "Ann@Example.org", Name: "Ann", AvatarURL: "https://example.org/a.png", Role: grove.Owner, CreatedAt: noon, PasswordHash: "$argon2id$x"}
}

func TestUsersAreNumberedAndFound(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		made := must(db.CreateUser(ctx, ann()))(t)
		want := ann()
		want.ID = 1000001
		same(t, made, want)
		same(t, must(db.User(ctx, 1000001))(t), want)
		same(t, must(db.UserByEmail(ctx, " ann@example.ORG "))(t), want)
		same(t, must(db.UserCount(ctx))(t), 1)
		_, err := db.User(ctx, 5)
		refused(t, err, grove.NotFound, "user_not_found")
		_, err = db.UserByEmail(ctx, "bob@example.org")
		refused(t, err, grove.NotFound, "user_not_found")
	})
}

func TestAnAddressHasOneAccount(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.CreateUser(ctx, ann()))(t)
		again := ann()
		again.Email = "ANN@example.org"
		_, err := db.CreateUser(ctx, again)
		refused(t, err, grove.Conflict, "email_taken")
		again.Email = "bob@example.org"
		bob := must(db.CreateUser(ctx, again))(t)
		_, err = db.UpdateUser(ctx, bob.ID, func(u *grove.User) error { u.Email = "ann@example.org"; return nil })
		refused(t, err, grove.Conflict, "email_taken")
	})
}

func TestOnlyOneBecomesTheFirstUser(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				u := ann()
				u.Email = fmt.Sprintf("ann%d@example.org", i)
				_, errs[i] = db.CreateFirstUser(t.Context(), u)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refused(t, err, grove.Conflict, "setup_done")
		}
		same(t, won, 1)
		same(t, must(db.UserCount(t.Context()))(t), 1)
	})
}

func TestAnUpdateThatRefusesChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		made := must(db.CreateUser(ctx, ann()))(t)
		refusal := errors.New("no")
		_, err := db.UpdateUser(ctx, made.ID, func(u *grove.User) error { u.Name = "Bea"; return refusal })
		if !errors.Is(err, refusal) {
			t.Fatalf("got %v, want the closure's own error", err)
		}
		same(t, must(db.User(ctx, made.ID))(t), made)
		changed := must(db.UpdateUser(ctx, made.ID, func(u *grove.User) error { u.Name, u.ID = "Bea", 1; return nil }))(t)
		made.Name = "Bea"
		same(t, changed, made)
	})
}

func TestNumbersEndBeforePrintersClampThem(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.CreateUser(ctx, ann()))(t)
		ok(t, db.LiftNumber(ctx, "users", 1<<31-2))
		last := ann()
		last.Email = "last@example.org"
		same(t, must(db.CreateUser(ctx, last))(t).ID, int64(1<<31-1))
		last.Email = "late@example.org"
		_, err := db.CreateUser(ctx, last)
		refused(t, err, grove.Unavailable, "numbers_used_up")
	})
}

func TestASessionKeepsItsFirstEnd(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		user := must(db.CreateUser(ctx, ann()))(t)
		s := grove.Session{ID: "ses_1", UserID: user.ID, Client: "curl", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
		ok(t, db.CreateSession(ctx, s))
		same(t, must(db.Session(ctx, "ses_1"))(t), s)
		ok(t, db.EndSession(ctx, "ses_1", noon.Add(time.Minute)))
		ok(t, db.EndSession(ctx, "ses_1", noon.Add(time.Hour)))
		s.EndedAt = noon.Add(time.Minute)
		same(t, must(db.Session(ctx, "ses_1"))(t), s)

		_, err := db.Session(ctx, "ses_2")
		refused(t, err, grove.NotFound, "session_not_found")
		refused(t, db.EndSession(ctx, "ses_2", noon), grove.NotFound, "session_not_found")
		refused(t, db.CreateSession(ctx, grove.Session{ID: "ses_3", UserID: 3}), grove.NotFound, "not_found")
		refused(t, db.CreateSession(ctx, s), grove.Conflict, "exists_already")
	})
}

func TestARaceForASecretGivesAllTheSameBytes(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		got := make([]string, 8)
		errs := make([]error, len(got))
		var wg sync.WaitGroup
		for i := range got {
			wg.Go(func() {
				b, err := db.Secret(ctx, "signing", func() ([]byte, error) { return fmt.Appendf(nil, "made by %d", i), nil })
				got[i], errs[i] = string(b), err
			})
		}
		wg.Wait()
		ok(t, errors.Join(errs...))
		for _, s := range got {
			same(t, s, got[0])
		}
		later := must(db.Secret(ctx, "signing", func() ([]byte, error) { return nil, errors.New("made twice") }))(t)
		same(t, string(later), got[0])
		_, err := db.Secret(ctx, "other", func() ([]byte, error) { return nil, errors.New("no entropy") })
		if err == nil {
			t.Fatal("a secret that could not be made was given")
		}
	})
}

func TestAuditIsListedNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for i, action := range []string{"printer.bind", "printer.command", "plate.clear"} {
			ok(t, db.AddAudit(ctx, grove.AuditEntry{At: noon, Actor: "user:1", UserID: int64(1 + i%2), Action: action, Serial: "S1", Detail: "d"}))
		}
		mine := must(db.Audit(ctx, 1, grove.Page{Limit: 20}))(t)
		same(t, mine, grove.List[grove.AuditEntry]{Total: 2, Items: []grove.AuditEntry{
			{ID: 3, At: noon, Actor: "user:1", UserID: 1, Action: "plate.clear", Serial: "S1", Detail: "d"},
			{ID: 1, At: noon, Actor: "user:1", UserID: 1, Action: "printer.bind", Serial: "S1", Detail: "d"},
		}})
		same(t, must(db.Audit(ctx, 0, grove.Page{}))(t).Total, 3)
		ok(t, db.AddAudit(ctx, grove.AuditEntry{At: noon, Actor: "system", UserID: 1, Action: "printer.command", Serial: "S2"}))
		for _, c := range []struct {
			only grove.AuditFilter
			want int
		}{
			{grove.AuditFilter{Action: "printer."}, 3},
			{grove.AuditFilter{Action: "printer.command"}, 2},
			{grove.AuditFilter{Action: "p%"}, 0},
			{grove.AuditFilter{Actor: "system"}, 1},
			{grove.AuditFilter{Action: "printer.", Serial: "S1"}, 2},
			{grove.AuditFilter{Actor: "system", Serial: "S1"}, 0},
		} {
			same(t, must(db.Audit(ctx, 0, grove.Page{Limit: 1}, c.only))(t).Total, c.want)
		}
		_, err := db.Audit(ctx, 1, grove.Page{Limit: 1, After: "x"})
		refused(t, err, grove.Invalid, "after")
	})
}
