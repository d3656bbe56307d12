package store_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestASessionLivesOnUnlessItHasEnded(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		u := must(db.CreateUser(ctx, ann()))(t)
		ok(t, db.CreateSession(ctx, grove.Session{ID: "ses_1", UserID: u.ID, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
		ok(t, db.ExtendSession(ctx, "ses_1", noon.Add(2*time.Hour)))
		same(t, must(db.Session(ctx, "ses_1"))(t).ExpiresAt, noon.Add(2*time.Hour))
		ok(t, db.EndSession(ctx, "ses_1", noon))
		for _, id := range []string{"ses_1", "ses_none"} {
			refused(t, db.ExtendSession(ctx, id, noon.Add(3*time.Hour)), grove.NotFound, "session_not_found")
		}
	})
}

func pass(u grove.User, n int) grove.Pass {
	return grove.Pass{
		ID: fmt.Sprintf("pass_%d", n), Kind: grove.LoginPass, UserID: u.ID, Hash: fmt.Sprintf("hash%d", n),
		Email: "bob@example.org", Role: grove.Operator, CreatedAt: noon, ExpiresAt: noon.Add(10 * time.Minute),
	}
}

func TestPassesAreFoundCountedAndUsed(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		u := must(db.CreateUser(ctx, ann()))(t)
		ok(t, db.AddPasses(ctx, []grove.Pass{pass(u, 1), pass(u, 2)}))
		same(t, must(db.Pass(ctx, grove.LoginPass, "hash1"))(t), pass(u, 1))
		for _, kind := range []grove.PassKind{grove.LoginPass, grove.ResetPass} {
			_, err := db.Pass(ctx, kind, map[grove.PassKind]string{grove.LoginPass: "none", grove.ResetPass: "hash1"}[kind])
			refused(t, err, grove.NotFound, "pass_not_found")
		}
		ok(t, db.UpdatePasses(ctx, grove.LoginPass, u.ID, func(passes []*grove.Pass) error {
			for _, p := range passes {
				p.Tries++
			}
			return nil
		}))
		used := must(db.UpdatePass(ctx, grove.LoginPass, "hash2", func(p *grove.Pass) error {
			p.UsedAt, p.SessionID = noon, "ses_1"
			return nil
		}))(t)
		want := pass(u, 2)
		want.Tries, want.UsedAt, want.SessionID = 1, noon, "ses_1"
		same(t, used, want)
		list := must(db.Passes(ctx, grove.LoginPass, u.ID))(t)
		if len(list) != 2 || list[0].Tries != 1 || *list[1] != want {
			t.Errorf("passes: %+v", list)
		}
		ok(t, db.DropPasses(ctx, grove.LoginPass, u.ID))
		same(t, len(must(db.Passes(ctx, grove.LoginPass, u.ID))(t)), 0)
	})
}

func TestGuessesAtTheSameMomentAreAllCounted(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		u := must(db.CreateUser(t.Context(), ann()))(t)
		ok(t, db.AddPasses(t.Context(), []grove.Pass{pass(u, 1)}))
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				err := db.UpdatePasses(t.Context(), grove.LoginPass, u.ID, func(passes []*grove.Pass) error { passes[0].Tries++; return nil })
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		same(t, must(db.Pass(t.Context(), grove.LoginPass, "hash1"))(t).Tries, 8)
	})
}

func TestPassesOfLongAgoAreClearedAway(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		u := must(db.CreateUser(ctx, ann()))(t)
		old, endless, late := pass(u, 1), pass(u, 2), pass(u, 3)
		endless.ExpiresAt = time.Time{}
		late.CreatedAt = old.ExpiresAt.Add(24*time.Hour + time.Millisecond)
		ok(t, db.AddPasses(ctx, []grove.Pass{old, endless}))
		ok(t, db.AddPasses(ctx, []grove.Pass{late}))
		_, err := db.Pass(ctx, grove.LoginPass, old.Hash)
		refused(t, err, grove.NotFound, "pass_not_found")
		must(db.Pass(ctx, grove.LoginPass, endless.Hash))(t)
	})
}

func TestHowAnAccountSignsInIsKeptSealed(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		u := must(db.CreateUser(ctx, ann()))(t)
		same(t, must(db.SignIn(ctx, u.ID))(t), grove.SignIn{UserID: u.ID, Mode: grove.ByPassword})
		want := grove.SignIn{UserID: u.ID, Mode: grove.ByCode, TOTPSecret: "JBSWY3DPEHPK3PXP", TOTPSince: noon, TOTPStep: 5}
		for range 2 { // the first adds, the second changes
			must(db.UpdateSignIn(ctx, u.ID, func(s *grove.SignIn) error { *s = want; return nil }))(t)
			same(t, must(db.SignIn(ctx, u.ID))(t), want)
		}
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM sign_ins WHERE totp_secret = $1`, []byte(want.TOTPSecret)))(t), int64(0))
		_, err := db.UpdateSignIn(ctx, 5, func(*grove.SignIn) error { return nil })
		refused(t, err, grove.NotFound, "not_found")
	})
}

func TestSessionsAreListedAndEndedTogether(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		u := must(db.CreateUser(ctx, ann()))(t)
		bob := ann()
		bob.Email = "bob@example.org"
		bob = must(db.CreateUser(ctx, bob))(t)
		for id, s := range map[string]grove.Session{
			"ses_1": {UserID: u.ID, ExpiresAt: noon.Add(time.Hour)},
			"ses_2": {UserID: u.ID, ExpiresAt: noon.Add(time.Hour)},
			"ses_3": {UserID: u.ID, ExpiresAt: noon},
			"ses_4": {UserID: u.ID, ExpiresAt: noon.Add(time.Hour), EndedAt: noon},
			"ses_5": {UserID: bob.ID, ExpiresAt: noon.Add(time.Hour)},
		} {
			s.ID, s.CreatedAt = id, noon
			ok(t, db.CreateSession(ctx, s))
		}
		list := must(db.Sessions(ctx, u.ID, noon, grove.Page{}))(t)
		if len(list.Items) != 2 || list.Items[0].ID != "ses_2" || list.Items[1].ID != "ses_1" {
			t.Errorf("open: %+v", list.Items)
		}
		ended := must(db.EndSessions(ctx, u.ID, "ses_2", noon))(t)
		slices.Sort(ended)
		same(t, ended, []string{"ses_1", "ses_3"})
		same(t, must(db.Sessions(ctx, bob.ID, noon, grove.Page{}))(t).Total, 1)
		same(t, must(db.Users(ctx, grove.Page{}))(t).Items, []grove.User{bob, u})
	})
}
