package store_test

import (
	"os"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

// types are what a user sees, oldest first.
func types(t *testing.T, db *store.DB, userID int64) (seen []grove.EventType) {
	t.Helper()
	for _, e := range must(db.Events(t.Context(), userID, 0, 0))(t) {
		seen = append(seen, e.Type)
	}
	return seen
}

func TestAGuestSeesAPrintersEventsFromTheShareOnUntilItsEnd(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ann, bob := sharing(t, db)
		tell := func(serial string, kind grove.EventType) {
			t.Helper()
			ok(t, db.AddEvents(ctx, []grove.Event{{UserID: ann, Type: kind, At: noon, Data: grove.EventData{DeviceID: serial}}}))
		}
		tell("P1", grove.JobQueued)
		s := must(db.CreateShare(ctx, grove.Share{ID: "sha_1", Serial: "P1", OwnerID: ann, UserID: bob, Role: grove.Viewer, CreatedAt: noon}))(t)
		tell("P1", grove.DeviceOnline)
		tell("P2", grove.JobStarted)
		tell("P1", grove.PrintCompleted) // with a notification of ann's
		same(t, types(t, db, bob), []grove.EventType{grove.DeviceOnline, grove.PrintCompleted})
		same(t, len(types(t, db, ann)), 5)
		page := must(db.Events(ctx, bob, 2, 1))(t)
		same(t, page[0].Type, grove.PrintCompleted)
		ok(t, db.EndShare(ctx, s.ID, ann, noon, func(grove.Share) []grove.AuditEntry { return nil }))
		same(t, len(types(t, db, bob)), 0)
		must(db.CreateShare(ctx, grove.Share{ID: "sha_2", Serial: "P1", OwnerID: ann, Role: grove.Viewer, Hash: "h", CreatedAt: noon}))(t)
		tell("P1", grove.JobFailed) // while the link waits
		must(db.AcceptShare(ctx, "h", bob, noon, func(grove.Share) ([]grove.AuditEntry, error) { return nil, nil }))(t)
		tell("P1", grove.HeatOff)
		same(t, types(t, db, bob), []grove.EventType{grove.HeatOff})
	})
}

// sharing makes ann, whose printers P1 and P2 are, and bob.
func sharing(t *testing.T, db *store.DB) (ann, bob int64) {
	t.Helper()
	a := must(db.CreateUser(t.Context(), grove.User{Email: "a@example.org", Role: grove.Operator, CreatedAt: noon}))(t)
	b := must(db.CreateUser(t.Context(), grove.User{Email: "b@example.org", Role: grove.Operator, CreatedAt: noon}))(t)
	for _, serial := range []string{"P1", "P2"} {
		must(db.BindPrinter(t.Context(), grove.Printer{Serial: serial, Name: serial, OwnerID: a.ID, BoundAt: noon}, false))(t)
	}
	return a.ID, b.ID
}

func TestWhoSeesAnEventAsItComesIsNotifiedAndDeliveredTo(t *testing.T) {
	t.Parallel()
	storetest.EachConfig(t, os.Getenv, func(t *testing.T, cfg store.Config) {
		shown := true
		cfg.Audience = func(serial string, owner int64) []int64 {
			if shown && serial == "S1" && owner == 1 {
				return []int64{2}
			}
			return nil
		}
		db := storetest.Open(t, cfg)
		ctx := t.Context()
		subscribe(t, db, "wh_ann", grove.PrintCompleted, grove.NotificationCreated)
		guests := grove.Endpoint{ID: "wh_bob", UserID: 2, Events: []grove.EventType{grove.PrintCompleted, grove.NotificationCreated}, Enabled: true}
		ok(t, db.CreateEndpoint(ctx, guests))
		ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		shown = false
		ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		for user, want := range map[int64]int{1: 2, 2: 1} {
			same(t, must(db.Notifications(ctx, user, false, grove.Page{}))(t).Total, want)
			same(t, must(db.Deliveries(ctx, user, "", grove.Page{}))(t).Total, 2*want)
		}
		same(t, types(t, db, 2), []grove.EventType{grove.NotificationCreated})
	})
}

func TestEventsOfBeforeAreFoundByTheirPrinter(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ok(t, db.AddEvents(ctx, []grove.Event{completed()}))
		for _, undo := range []string{
			"DROP INDEX events_serial", "ALTER TABLE events DROP COLUMN serial", "ALTER TABLE shares DROP COLUMN after_event",
			"DELETE FROM goose_db_version WHERE version_id = 15",
		} {
			must(db.Raw(ctx, undo))(t)
		}
		ok(t, db.Migrate(ctx))
		same(t, must(db.RawInt(ctx, "SELECT count(*) FROM events WHERE serial = 'S1'"))(t), int64(2))
	})
}
