package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// two are people, each with a printer: P1 and P2.
func two(t *testing.T, db *store.DB) (a, b grove.User) {
	t.Helper()
	a = must(db.CreateUser(t.Context(), ann()))(t)
	b = must(db.CreateUser(t.Context(), grove.User{Email: "bob@example.org", Name: "Bob", Role: grove.Operator, CreatedAt: noon}))(t)
	for serial, owner := range map[string]int64{"P1": a.ID, "P2": b.ID} {
		must(db.BindPrinter(t.Context(), grove.Printer{Serial: serial, Name: serial, OwnerID: owner, BoundAt: noon}, false))(t)
	}
	return a, b
}

func did(user int64, action string) grove.AuditEntry {
	return grove.AuditEntry{At: noon, Actor: "user", UserID: user, Action: action}
}

func TestKeysAreKeptWithWhatTheyAllow(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		before := must(db.GrantsVersion(ctx))(t)
		k := grove.Key{
			ID: "key_01jd00000000000000000000aa", UserID: a.ID, Name: "script", Scopes: []grove.Action{grove.ReadPrinter}, Printers: []string{"P1"},
			Network: "10.0.0.0/8", CreatedAt: noon, ExpiresAt: noon.Add(time.Hour), Hash: "00ff",
		}
		ok(t, db.CreateKey(ctx, k, did(a.ID, "key.create")))
		same(t, must(db.Keys(ctx, a.ID, grove.Page{}))(t).Items, []grove.Key{k})
		same(t, len(must(db.Keys(ctx, b.ID, grove.Page{}))(t).Items), 0)
		grants := must(db.Grants(ctx))(t)
		same(t, grants.Keys, []grove.Key{k})
		same(t, grants.Roles, map[int64]grove.Role{a.ID: grove.Owner, b.ID: grove.Operator})
		if grants.Version <= before {
			t.Errorf("version %d after %d", grants.Version, before)
		}
		use := grove.Use{UsedAt: noon.Add(time.Minute), UsedFrom: "192.0.2.1", UsedBy: "curl/8", UsedOver: grove.OverHTTP}
		ok(t, db.KeyUsed(ctx, k.ID, use))
		ok(t, db.KeyUsed(ctx, k.ID, grove.Use{UsedAt: noon, UsedBy: "late"})) // an older use, told late
		same(t, must(db.Keys(ctx, a.ID, grove.Page{}))(t).Items[0].Use, use)
		refused(t, db.RevokeKey(ctx, b.ID, k.ID, noon), grove.NotFound, "key_not_found")
		ok(t, db.RevokeKey(ctx, a.ID, k.ID, noon.Add(2*time.Minute), did(a.ID, "key.revoke")))
		ok(t, db.RevokeKey(ctx, a.ID, k.ID, noon.Add(time.Hour)))
		same(t, must(db.Keys(ctx, a.ID, grove.Page{}))(t).Items[0].RevokedAt, noon.Add(2*time.Minute))
		same(t, len(must(db.Grants(ctx))(t).Keys), 0)
		same(t, must(db.Audit(ctx, a.ID, grove.Page{}))(t).Items[0].Action, "key.revoke")
	})
}

func TestSharesStandUntilTheyEnd(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		s := grove.Share{ID: "sha_01jd00000000000000000000aa", Serial: "P1", OwnerID: a.ID, UserID: b.ID, Role: grove.Viewer, CreatedAt: noon}
		made := must(db.CreateShare(ctx, s, did(a.ID, "printer.share")))(t)
		s.Email = "bob@example.org"
		same(t, made, s)
		again := s
		again.ID, again.Role, again.ExpiresAt = "sha_01jd00000000000000000000ab", grove.Operator, noon.Add(time.Hour)
		must(db.CreateShare(ctx, again))(t)
		for _, user := range []int64{a.ID, b.ID} {
			same(t, must(db.Shares(ctx, user, "P1", grove.Page{}))(t).Items, []grove.Share{again})
			same(t, len(must(db.Shares(ctx, user, "P2", grove.Page{}))(t).Items), 0)
		}
		same(t, must(db.Grants(ctx))(t).Shares, []grove.Share{again})
		_, err := db.CreateShare(ctx, grove.Share{ID: "sha_x", Serial: "P2", OwnerID: a.ID, UserID: b.ID, Role: grove.Viewer})
		refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)
		ok(t, db.UnbindPrinter(ctx, "P1", a.ID, noon.Add(time.Minute)))
		same(t, len(must(db.Grants(ctx))(t).Shares), 0)
	})
}

func TestALinkIsTakenByOne(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, _ := two(t, db)
		link := grove.Share{ID: "sha_01jd00000000000000000000aa", Serial: "P1", OwnerID: a.ID, Role: grove.Viewer, Hash: "00ff", CreatedAt: noon, LinkUntil: noon.Add(time.Hour)}
		must(db.CreateShare(ctx, link))(t)
		same(t, len(must(db.Grants(ctx))(t).Shares), 0)
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = db.AcceptShare(ctx, "00ff", int64(100+i), noon, func(grove.Share) ([]grove.AuditEntry, error) { return nil, nil })
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refused(t, err, grove.NotFound, "share_not_found")
		}
		same(t, won, 1)
	})
}

func TestListsOfJobsEndAtTheReach(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		for _, j := range []grove.Job{
			{OwnerID: a.ID, Serial: "P1"}, {OwnerID: b.ID, Serial: "P2"}, {OwnerID: b.ID, Serial: "P3"}, {OwnerID: a.ID, Serial: "P2"},
		} {
			j.State, j.CreatedAt, j.ExpiresAt = grove.Queued, noon, noon.Add(time.Hour)
			must(db.CreateJob(ctx, j, nil))(t)
		}
		for name, c := range map[string]struct {
			reach grove.Reach
			want  []string
		}{
			"nobody":              {grove.Reach{}, nil},
			"one's own":           {grove.Reach{OwnerID: a.ID}, []string{"P2", "P1"}},
			"of one printer":      {grove.Reach{OwnerID: a.ID, Some: true, Only: []string{"P1"}}, []string{"P1"}},
			"of no printer":       {grove.Reach{OwnerID: a.ID, Some: true}, nil},
			"a guest's":           {grove.Reach{OwnerID: a.ID, Shared: []grove.Resource{{Serial: "P2", OwnerID: b.ID}}}, []string{"P2", "P2", "P1"}},
			"a guest's program":   {grove.Reach{OwnerID: a.ID, Shared: []grove.Resource{{Serial: "P2", OwnerID: b.ID}}, Some: true, Only: []string{"P1"}}, []string{"P1"}},
			"of a former owner's": {grove.Reach{Shared: []grove.Resource{{Serial: "P2", OwnerID: 99}}}, nil},
		} {
			var got []string
			for _, j := range must(db.JobsWithin(ctx, c.reach, grove.JobQuery{}, grove.Page{}))(t).Items {
				got = append(got, j.Serial)
			}
			t.Log(name)
			same(t, got, c.want)
		}
	})
}

func TestARoleIsSetAsDecided(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		u := must(db.SetRole(ctx, b.ID, func(u grove.User, owners int) (grove.Role, error) {
			same(t, owners, 1)
			same(t, u.Role, grove.Operator)
			return grove.Viewer, nil
		}, did(b.ID, "user.role")))(t)
		same(t, u.Role, grove.Viewer)
		same(t, must(db.Grants(ctx))(t).Roles[b.ID], grove.Viewer)
		_, err := db.SetRole(ctx, a.ID, func(grove.User, int) (grove.Role, error) { return "", grove.Errorf(grove.Conflict, "last_owner", "no") })
		refused(t, err, grove.Conflict, "last_owner")
		_, err = db.SetRole(ctx, 5, func(grove.User, int) (grove.Role, error) { return grove.Viewer, nil })
		refused(t, err, grove.NotFound, "user_not_found")
		same(t, len(must(db.Users(ctx, grove.Page{}))(t).Items), 2)
		before := must(db.GrantsVersion(ctx))(t)
		must(db.UpdateUser(ctx, b.ID, func(u *grove.User) error { u.Name = "Robert"; return nil }))(t)
		same(t, must(db.GrantsVersion(ctx))(t), before)
	})
}
