package store_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func tally(kind, hash string, ends time.Time) grove.Tally {
	return grove.Tally{Kind: kind, Hash: hash, Count: 3, Times: []time.Time{noon, noon.Add(time.Second)}, Until: noon.Add(time.Minute), EndsAt: ends}
}

func TestTalliesAreReplacedAndEnd(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		a, b := tally("login", "a", noon.Add(time.Hour)), tally("login", "b", noon.Add(2*time.Hour))
		other := tally("code", "a", noon.Add(3*time.Hour))
		ok(t, db.SaveTallies(ctx, []grove.Tally{a, b, other}, noon, 10))
		same(t, must(db.Tallies(ctx, noon))(t), []grove.Tally{a, b, other})
		same(t, must(db.Tallies(ctx, noon.Add(time.Hour)))(t), []grove.Tally{b, other})
		b = grove.Tally{Kind: "login", Hash: "b", EndsAt: noon.Add(4 * time.Hour)}
		ok(t, db.SaveTallies(ctx, []grove.Tally{b}, noon.Add(time.Hour), 10))
		same(t, must(db.Tallies(ctx, noon))(t), []grove.Tally{other, b})
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM tallies`))(t), int64(2))
	})
}

func TestTalliesOfAKindAreBounded(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ok(t, db.SaveTallies(ctx, []grove.Tally{tally("code", "x", noon.Add(time.Minute))}, noon, 3))
		for i := range 8 {
			ok(t, db.SaveTallies(ctx, []grove.Tally{tally("login", strconv.Itoa(i), noon.Add(time.Duration(i+1)*time.Hour))}, noon, 3))
		}
		var left []string
		for _, tl := range must(db.Tallies(ctx, noon))(t) {
			left = append(left, tl.Kind+tl.Hash)
		}
		same(t, left, []string{"codex", "login5", "login6", "login7"})
	})
}

func TestASessionIsConfirmedUntilItEnds(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		u := must(db.CreateUser(ctx, ann()))(t)
		ok(t, db.CreateSession(ctx, grove.Session{ID: "ses_1", UserID: u.ID, CreatedAt: noon, ConfirmedAt: noon, ExpiresAt: noon.Add(time.Hour)}))
		same(t, must(db.Session(ctx, "ses_1"))(t).ConfirmedAt, noon)
		ok(t, db.ConfirmSession(ctx, "ses_1", noon.Add(time.Minute), did(u.ID, "user.confirm")))
		same(t, must(db.Session(ctx, "ses_1"))(t).ConfirmedAt, noon.Add(time.Minute))
		same(t, must(db.Audit(ctx, u.ID, grove.Page{}))(t).Items[0].Action, "user.confirm")
		ok(t, db.EndSession(ctx, "ses_1", noon))
		refused(t, db.ConfirmSession(ctx, "ses_1", noon), grove.NotFound, "session_not_found")
	})
}
