package store_test

import (
	"context"
	"errors"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// deed is a change of a record, with the entry of who made it.
type deed struct {
	name string
	do   func(ctx context.Context, db *store.DB, act grove.AuditEntry) error
	made string // counts what must not be there without the entry, or must be there still
	want int64
}

func deeds() []deed {
	user := grove.User{Email: "b@example.org", Role: grove.Operator, CreatedAt: noon}
	return []deed{
		{"create user", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.CreateUser(ctx, user, act)
			return err
		}, "SELECT count(*) FROM users WHERE email_key = 'b@example.org'", 0},
		{"update user", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdateUser(ctx, 1_000_001, func(u *grove.User) error { u.Name = "New"; return nil }, act)
			return err
		}, "SELECT count(*) FROM users WHERE name = 'New'", 0},
		{"create session", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.CreateSession(ctx, grove.Session{ID: "ses_2", UserID: 1_000_001}, act)
		}, "SELECT count(*) FROM sessions WHERE id = 'ses_2'", 0},
		{"end session", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.EndSession(ctx, "ses_1", noon, act)
		}, "SELECT count(*) FROM sessions WHERE ended_at > 0", 0},
		{"create endpoint", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.CreateEndpoint(ctx, grove.Endpoint{ID: "wh_2", UserID: 1}, act)
		}, "SELECT count(*) FROM endpoints WHERE id = 'wh_2'", 0},
		{"update endpoint", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdateEndpoint(ctx, 1, "wh_1", func(e *grove.Endpoint) error { e.Description = "New"; return nil }, act)
			return err
		}, "SELECT count(*) FROM endpoints WHERE description = 'New'", 0},
		{"update file", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdateFile(ctx, "f_1", func(f *grove.File) error { f.State = grove.Stored; return nil }, act)
			return err
		}, "SELECT count(*) FROM files WHERE state = 'stored'", 0},
		{"create file", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.CreateFile(ctx, upload("f_2", "b.3mf"), act)
			return err
		}, "SELECT count(*) FROM files WHERE id = 'f_2'", 0},
		{"disable endpoint", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.DisableEndpoint(ctx, "wh_1", "410 Gone", act)
		}, "SELECT count(*) FROM endpoints WHERE disabled_reason = '410 Gone'", 0},
		{"test endpoint", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.AddDelivery(ctx, grove.Delivery{ID: "dlv_2", EndpointID: "wh_1", Body: []byte("{}")}, act)
		}, "SELECT count(*) FROM deliveries WHERE id = 'dlv_2'", 0},
		{"replay delivery", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.ReplayDelivery(ctx, 1, "dlv_1", noon, act)
			return err
		}, "SELECT count(*) FROM deliveries WHERE id = 'dlv_1' AND state = 'pending'", 0},
		{"create preset", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.CreatePreset(ctx, grove.Preset{ID: "PPUS2", OwnerID: 1_000_001}, func(int) error { return nil }, act)
			return err
		}, "SELECT count(*) FROM presets WHERE id = 'PPUS2'", 0},
		{"update preset", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdatePreset(ctx, "PPUS1", func(p *grove.Preset) error { p.Name = "New"; return nil }, act)
			return err
		}, "SELECT count(*) FROM presets WHERE name = 'New'", 0},
		{"delete preset", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.DeletePreset(ctx, 1_000_001, "PPUS1", act)
		}, "SELECT count(*) FROM presets WHERE id = 'PPUS1'", 1},
		{"update spools", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdateSpools(ctx, 1_000_001, func([]grove.Spool) (grove.SpoolChange, error) {
				return grove.SpoolChange{Save: []grove.Spool{{RFID: "new"}}}, nil
			}, act)
			return err
		}, "SELECT count(*) FROM spools WHERE rfid = 'new'", 0},
		{"bind", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.BindPrinter(ctx, bench("S2"), false, act)
			return err
		}, "SELECT count(*) FROM ownerships WHERE printer_serial = 'S2'", 0},
		{"update printer", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdatePrinter(ctx, "S1", func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
				p.HeatUntil = noon
				return []grove.Event{completed()}, nil
			}, act)
			return err
		}, "SELECT (SELECT count(*) FROM printers WHERE heat_until > 0) + (SELECT count(*) FROM events WHERE at > 0)", 0},
		{"start", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdatePrinter(ctx, "S3", func(_ *grove.Printer, j *grove.Job) ([]grove.Event, error) {
				j.Attempt = &grove.Attempt{JobID: j.ID, Serial: j.Serial, Nonce: "n"}
				return nil, j.MoveTo(grove.Sending)
			}, act)
			return err
		}, "SELECT (SELECT count(*) FROM start_attempts) + (SELECT count(*) FROM jobs WHERE state = 'sending')", 0},
		{"unbind", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.UnbindPrinter(ctx, "S1", 1, noon, act)
		}, "SELECT count(*) FROM ownerships WHERE printer_serial = 'S1' AND until IS NULL", 1},
		{"create job", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.CreateJob(ctx, queued("S9"), []grove.Event{completed()}, func(grove.Job) grove.AuditEntry { return act })
			return err
		}, "SELECT count(*) FROM jobs WHERE serial = 'S9'", 0},
		{"update job", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			_, err := db.UpdateJob(ctx, 700_000_001, moveTo(grove.Cancelled), act)
			return err
		}, "SELECT count(*) FROM jobs WHERE state = 'cancelled'", 0},
		{"delete endpoint", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.DeleteEndpoint(ctx, 1, "wh_1", act)
		}, "SELECT count(*) FROM endpoints WHERE id = 'wh_1'", 1},
		{"delete file", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.DeleteFile(ctx, "f_9", act)
		}, "SELECT count(*) FROM files WHERE id = 'f_9'", 1},
	}
}

func TestNothingIsDoneWithoutItsAuditEntry(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		act := grove.Actor{Kind: grove.ActorUser, UserID: 1_000_001}.Did("a.deed", "d")
		first := must(db.CreateFirstUser(ctx, grove.User{Email: "a@example.org", Role: grove.Owner, CreatedAt: noon}, grove.AuditEntry{At: noon, Action: "user.setup"}))(t)
		entry := must(db.Audit(ctx, first.ID, grove.Page{}))(t).Items[0]
		same(t, entry, grove.AuditEntry{ID: 1, At: noon, Actor: "user:1000001", UserID: first.ID, Action: "user.setup"})
		ok(t, db.CreateSession(ctx, grove.Session{ID: "ses_1", UserID: first.ID}))
		subscribe(t, db, "wh_1", grove.PrintCompleted)
		must(db.CreateFile(ctx, upload("f_1", "a.3mf")))(t)
		must(db.CreateFile(ctx, upload("f_9", "z.3mf")))(t)
		ok(t, db.AddDelivery(ctx, grove.Delivery{ID: "dlv_1", EndpointID: "wh_1", Body: []byte("{}"), State: grove.DeliveryFailed}))
		must(db.CreatePreset(ctx, grove.Preset{ID: "PPUS1", OwnerID: first.ID}, func(int) error { return nil }))(t)
		must(db.BindPrinter(ctx, bench("S1"), false))(t)
		same(t, must(db.CreateJob(ctx, queued("S8"), nil))(t).ID, int64(700_000_001))
		must(db.BindPrinter(ctx, bench("S3"), false))(t)
		ready := must(db.CreateJob(ctx, queued("S3"), nil))(t)
		must(db.UpdateJob(ctx, ready.ID, func(j *grove.Job) ([]grove.Event, error) {
			return nil, errors.Join(j.MoveTo(grove.Claimed), j.MoveTo(grove.Ready))
		}))(t)

		must(db.Raw(ctx, "ALTER TABLE audit RENAME TO audit_gone"))(t)
		for _, d := range deeds() {
			if err := d.do(ctx, db, act); err == nil {
				t.Errorf("%s was done without its entry", d.name)
			}
			if got := must(db.RawInt(ctx, d.made))(t); got != d.want {
				t.Errorf("%s: got %d, want %d", d.name, got, d.want)
			}
		}
		must(db.Raw(ctx, "ALTER TABLE audit_gone RENAME TO audit"))(t)
		for _, d := range deeds() {
			ok(t, d.do(ctx, db, act))
			if got := must(db.RawInt(ctx, d.made))(t); got == d.want {
				t.Errorf("%s: nothing was done", d.name)
			}
		}
		same(t, must(db.Audit(ctx, 0, grove.Page{}))(t).Total, 1+len(deeds()))
	})
}
