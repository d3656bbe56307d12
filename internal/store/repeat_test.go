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
		if found, mine := begin(wish); mine || found.Status != 0 || found.Process != "p1" || found.Request != "hash" {
			t.Errorf("while it is done: %+v, mine %t", found, mine)
		}
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM repeats WHERE request = 'hash'`))(t), int64(0))
		another := wish
		another.Request = "another"
		if found, mine := begin(another); mine || found.Request == "another" || found.Request == "hash" {
			t.Errorf("another request of the same key: %+v, mine %t", found, mine)
		}
		wish.Status, wish.Answer = 201, []byte(`{"secret":"whsec_shown-once"}`)
		ok(t, db.EndRepeat(ctx, wish))
		if found, mine := begin(wish); mine || found.Status != 201 || string(found.Answer) != string(wish.Answer) {
			t.Errorf("after it: %+v, mine %t", found, mine)
		}
		ok(t, db.DropRepeat(ctx, 1, "k")) // only what is not done is dropped
		later := wish
		later.At = noon.Add(48*time.Hour - time.Second)
		if _, mine := begin(later); mine {
			t.Error("forgotten before two days are over")
		}
		later.At = noon.Add(48*time.Hour + time.Second)
		if _, mine := begin(later); !mine {
			t.Error("remembered for more than two days")
		}
		ok(t, db.DropRepeat(ctx, 1, "k"))
		if _, mine := begin(later); !mine {
			t.Error("a dropped one is still there")
		}
	})
}
