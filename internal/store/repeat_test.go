package store_test

import (
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestARepeatIsRememberedForTwoDaysWithItsAnswerSealed(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		wish := grove.Repeat{UserID: 1, Key: "k", Request: "hash", Process: "p1", At: noon}
		begin := func(r grove.Repeat) (grove.Repeat, bool) {
			found, mine, err := db.BeginRepeat(ctx, r)
			ok(t, err)
			return found, mine
		}
		if _, mine := begin(wish); !mine {
			t.Fatal("a new key is taken")
		}
		if found, mine := begin(wish); mine || found.Status != 0 || found.Process != "p1" || !db.SameRequest(found, "hash") {
			t.Errorf("while it is done: %+v, mine %t", found, mine)
		}
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM repeats WHERE request = 'hash'`))(t), int64(0))
		another := wish
		another.Request = "another"
		if found, mine := begin(another); mine || db.SameRequest(found, "another") || !db.SameRequest(found, "hash") {
			t.Errorf("another request of the same key: %+v, mine %t", found, mine)
		}
		wish.Status, wish.Answer = 201, []byte(`{"secret":"whsec_shown-once"}`)
		ok(t, db.EndRepeat(ctx, wish))
		if found, mine := begin(wish); mine || found.Status != 201 || string(found.Answer) != string(wish.Answer) {
			t.Errorf("after it: %+v, mine %t", found, mine)
		}
		ok(t, db.DropRepeat(ctx, wish)) // only what is not done is dropped
		later := wish
		later.At = noon.Add(48*time.Hour - time.Second)
		if _, mine := begin(later); mine {
			t.Error("forgotten before two days are over")
		}
		later.At = noon.Add(48*time.Hour + time.Second)
		if _, mine := begin(later); !mine {
			t.Error("remembered for more than two days")
		}
		holder := wish
		holder.UserID, holder.Holder = 0, "/reset\x00123456"
		if _, mine := begin(holder); !mine {
			t.Error("a holder's key is taken")
		}
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM repeats WHERE key LIKE '%123456%'`))(t), int64(0))
		holder.Status, holder.Answer = 200, []byte("kept")
		ok(t, db.EndRepeat(ctx, holder))
		if found, mine := begin(holder); mine || string(found.Answer) != "kept" || found.Key != "k" {
			t.Errorf("a holder's: %+v, mine %t", found, mine)
		}
		holder.Holder = "/reset\x00123457"
		if _, mine := begin(holder); !mine {
			t.Error("another holder's key is taken")
		}
		stranger := later
		stranger.Process = "p2"
		ok(t, db.DropRepeat(ctx, stranger))
		if _, mine := begin(later); mine {
			t.Error("dropped by an attempt that did not begin it")
		}
		ok(t, db.DropRepeat(ctx, later))
		if _, mine := begin(later); !mine {
			t.Error("a dropped one is still there")
		}
	})
}
