package store_test

import (
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// lets lets everything be done, and notes how many owners there were.
func lets(owners *int) func(grove.User, int) error {
	return func(_ grove.User, n int) error { *owners = n; return nil }
}

func TestALockEndsWhatLetsSomebodyInAndNothingElse(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		for id, user := range map[string]int64{"ses_a": a.ID, "ses_b": b.ID} {
			ok(t, db.CreateSession(ctx, grove.Session{ID: id, UserID: user, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
		}
		key := grove.Key{ID: "key_01jd00000000000000000000bb", UserID: b.ID, Name: "x", CreatedAt: noon, Hash: "00aa"}
		ok(t, db.CreateKey(ctx, key))
		kinds := []grove.PassKind{grove.LoginPass, grove.TicketPass, grove.PrinterPass, grove.InvitationPass, grove.ResetPass, grove.SecondPass, grove.RecoveryPass}
		for _, kind := range kinds {
			ok(t, db.AddPasses(ctx, []grove.Pass{{ID: "pass_" + string(kind), Kind: kind, UserID: b.ID, Hash: string(kind), CreatedAt: noon}}))
		}
		link := grove.Share{ID: "sha_1", Serial: "P2", OwnerID: b.ID, Role: grove.Viewer, Hash: "0f", CreatedAt: noon, LinkUntil: noon.Add(time.Hour)}
		must(db.CreateShare(ctx, link))(t)
		must(db.CreateShare(ctx, grove.Share{ID: "sha_2", Serial: "P2", OwnerID: b.ID, UserID: a.ID, Role: grove.Operator, CreatedAt: noon}))(t)
		before, owners := must(db.GrantsVersion(ctx))(t), 0

		u, ended, err := db.LockUser(ctx, b.ID, noon, lets(&owners), did(a.ID, "user.lock"))
		ok(t, err)
		same(t, u.LockedAt, noon)
		same(t, owners, 1)
		same(t, ended, []string{"ses_b"})
		same(t, must(db.User(ctx, b.ID))(t), u)
		same(t, must(db.Session(ctx, "ses_b"))(t).EndedAt, noon)
		same(t, must(db.Session(ctx, "ses_a"))(t).EndedAt.IsZero(), true)
		for _, kind := range kinds {
			same(t, len(must(db.Passes(ctx, kind, b.ID))(t)) == 1, kind == grove.RecoveryPass)
		}
		g := must(db.Grants(ctx))(t)
		same(t, g.Locked, []int64{b.ID})
		same(t, g.Keys, []grove.Key{key})
		same(t, len(g.Shares), 1)
		if g.Version <= before {
			t.Errorf("version %d after %d", g.Version, before)
		}
		for _, s := range must(db.Shares(ctx, b.ID, "P2", grove.Page{}))(t).Items {
			same(t, s.ID, "sha_2")
		}
		same(t, must(db.Audit(ctx, a.ID, grove.Page{}))(t).Items[0].Action, "user.lock")
		err = db.CreateSession(ctx, grove.Session{ID: "ses_c", UserID: b.ID, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)})
		refused(t, err, grove.Forbidden, grove.ReasonAccountLocked)
		u, ended, err = db.LockUser(ctx, b.ID, noon.Add(time.Hour), lets(&owners), did(a.ID, "again"))
		ok(t, err)
		same(t, u.LockedAt, noon)
		same(t, len(ended), 0)

		u = must(db.UnlockUser(ctx, b.ID, lets(&owners), did(a.ID, "user.unlock")))(t)
		same(t, u.Locked(), false)
		same(t, len(must(db.Grants(ctx))(t).Locked), 0)
		same(t, must(db.Session(ctx, "ses_b"))(t).EndedAt, noon)
		ok(t, db.CreateSession(ctx, grove.Session{ID: "ses_d", UserID: b.ID, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
		must(db.UnlockUser(ctx, b.ID, lets(&owners), did(a.ID, "again")))(t)
		acts := must(db.Audit(ctx, a.ID, grove.Page{}))(t).Items
		same(t, acts[0].Action, "user.unlock")
	})
}

func TestALockThatIsRefusedChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		no := func(grove.User, int) error { return grove.Errorf(grove.Conflict, "no", "no") }
		_, _, err := db.LockUser(ctx, b.ID, noon, no, did(a.ID, "user.lock"))
		refused(t, err, grove.Conflict, "no")
		_, _, err = db.LockUser(ctx, 4711, noon, no)
		refused(t, err, grove.NotFound, "user_not_found")
		_, err = db.UnlockUser(ctx, 4711, no)
		refused(t, err, grove.NotFound, "user_not_found")
		same(t, must(db.User(ctx, b.ID))(t).Locked(), false)
		for _, e := range must(db.Audit(ctx, a.ID, grove.Page{}))(t).Items {
			if e.Action == "user.lock" {
				t.Error("what was refused is in the audit log")
			}
		}
		owners := 0
		_, _, err = db.LockUser(ctx, a.ID, noon, lets(&owners))
		ok(t, err)
		_, _, err = db.LockUser(ctx, b.ID, noon, lets(&owners))
		ok(t, err)
		same(t, owners, 0) // one who is locked does not count
	})
}

func TestALockedPersonsWebhooksAreToldNothing(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := two(t, db)
		for id, user := range map[string]int64{"wh_a": a.ID, "wh_b": b.ID} {
			ok(t, db.CreateEndpoint(ctx, grove.Endpoint{ID: id, UserID: user, URL: "https://example.org/", Events: []grove.EventType{grove.JobQueued}, Enabled: true, CreatedAt: noon}))
		}
		happens := func() {
			for serial, user := range map[string]int64{"P1": a.ID, "P2": b.ID} {
				ok(t, db.AddEvents(ctx, []grove.Event{{UserID: user, Type: grove.JobQueued, At: noon, Data: grove.EventData{DeviceID: serial}}}))
			}
		}
		due := func() (to []string) {
			for _, d := range must(db.DueDeliveries(ctx, time.Now().Add(time.Hour), 10))(t) {
				to = append(to, d.EndpointID)
			}
			return to
		}
		happens()
		same(t, len(due()), 2)
		owners := 0
		_, _, err := db.LockUser(ctx, b.ID, noon, lets(&owners))
		ok(t, err)
		same(t, due(), []string{"wh_a"})
		happens()
		must(db.UnlockUser(ctx, b.ID, lets(&owners)))(t)
		same(t, len(due()), 2)
		same(t, must(db.Deliveries(ctx, b.ID, "wh_b", grove.Page{}))(t).Total, 1)
	})
}
