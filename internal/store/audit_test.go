package store_test

import (
	"context"
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
		{"delete endpoint", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.DeleteEndpoint(ctx, 1, "wh_1", act)
		}, "SELECT count(*) FROM endpoints WHERE id = 'wh_1'", 1},
		{"delete file", func(ctx context.Context, db *store.DB, act grove.AuditEntry) error {
			return db.DeleteFile(ctx, "f_1", act)
		}, "SELECT count(*) FROM files WHERE id = 'f_1'", 1},
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
