package store_test

import (
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestTemperaturesAreKeptByPrinterAndOwnerForAWhile(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		hour := func(serial string, owner int64, n int, samples string) grove.Stretch {
			return grove.Stretch{Serial: serial, OwnerID: owner, BeganAt: noon.Add(time.Duration(n) * time.Hour), Samples: []byte(samples)}
		}
		if err := db.SaveTemperatures(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if err := db.SaveTemperatures(ctx, []grove.Stretch{
			hour("B", 1, 0, "b0"), hour("A", 1, 1, "a1"), hour("A", 1, 0, "a0"), hour("A", 2, 0, "former"), hour("A", 1, 2, "a2"),
		}); err != nil {
			t.Fatal(err)
		}
		if err := db.SaveTemperatures(ctx, []grove.Stretch{hour("A", 1, 1, "a1, and more")}); err != nil {
			t.Fatal(err)
		}
		same(t, must(db.Temperatures(ctx, "A", 1, noon, noon.Add(2*time.Hour)))(t), []grove.Stretch{hour("A", 1, 0, "a0"), hour("A", 1, 1, "a1, and more")})
		same(t, must(db.Prune(ctx, time.Time{}, time.Time{}, noon.Add(time.Hour)))(t), false)
		same(t, must(db.Temperatures(ctx, "A", 1, noon, noon.Add(9*time.Hour)))(t), []grove.Stretch{hour("A", 1, 1, "a1, and more"), hour("A", 1, 2, "a2")})
		same(t, len(must(db.Temperatures(ctx, "A", 2, noon, noon.Add(9*time.Hour)))(t)), 0)
	})
}
