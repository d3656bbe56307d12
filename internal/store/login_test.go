package store_test

import (
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
