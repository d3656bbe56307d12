package store_test

import (
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestTheHoldOfTheClockIsKept(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		same(t, must(db.ClockHold(ctx))(t), grove.ClockHold{})
		for _, h := range []grove.ClockHold{{Why: "it was behind", Known: noon}, {Why: "it jumped"}, {}} {
			ok(t, db.KeepClockHold(ctx, h))
			same(t, must(db.ClockHold(ctx))(t), h)
		}
	})
}
