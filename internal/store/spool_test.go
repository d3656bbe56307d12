package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// save keeps spools as they are given.
func save(spools ...grove.Spool) func([]grove.Spool) (grove.SpoolChange, error) {
	return func([]grove.Spool) (grove.SpoolChange, error) { return grove.SpoolChange{Save: spools}, nil }
}

func TestSpoolsAreNumberedKeptAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ann := must(db.CreateUser(ctx, grove.User{Email: "ann@example.org", CreatedAt: noon}))(t).ID
		bob := must(db.CreateUser(ctx, grove.User{Email: "bob@example.org", CreatedAt: noon}))(t).ID
		red := grove.Spool{Name: "Red", RFID: "A1", Color: "#FF0000", Colors: []string{"#FF0000"}, NetGrams: 750.5, CreatedAt: noon, UpdatedAt: noon}
		blue := grove.Spool{Name: "Blue", CreatedAt: noon, UpdatedAt: noon, Place: grove.Place{Serial: "S", Unit: 1, Slot: 2}}
		made := must(db.UpdateSpools(ctx, ann, save(red, blue)))(t)
		red.ID, red.OwnerID, blue.ID, blue.OwnerID = 1, ann, 2, ann
		same(t, made, []grove.Spool{red, blue})
		same(t, must(db.Spools(ctx, ann))(t), []grove.Spool{blue, red})

		red.Name, red.UpdatedAt = "Dark red", noon.Add(time.Hour)
		must(db.UpdateSpools(ctx, ann, func(have []grove.Spool) (grove.SpoolChange, error) {
			same(t, have, []grove.Spool{blue, {
				ID: 1, OwnerID: ann, Name: "Red", RFID: "A1", Color: "#FF0000", Colors: []string{"#FF0000"}, NetGrams: 750.5, CreatedAt: noon, UpdatedAt: noon,
			}})
			return grove.SpoolChange{Save: []grove.Spool{red}, Remove: []int64{2}}, nil
		}))(t)
		same(t, must(db.Spools(ctx, ann))(t), []grove.Spool{red})

		_, err := db.UpdateSpools(ctx, ann, save(grove.Spool{RFID: "A1"}))
		refused(t, err, grove.Conflict, "spool_exists")
		must(db.UpdateSpools(ctx, bob, save(grove.Spool{RFID: "A1"})))(t)
		must(db.UpdateSpools(ctx, bob, func([]grove.Spool) (grove.SpoolChange, error) {
			return grove.SpoolChange{Remove: []int64{1}, Save: []grove.Spool{{ID: 1, Name: "stolen"}}}, nil
		}))(t)
		same(t, must(db.Spools(ctx, ann))(t), []grove.Spool{red})
	})
}

func TestChangesOfSpoolsSeeEachOther(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ann := must(db.CreateUser(ctx, grove.User{Email: "ann@example.org", CreatedAt: noon}))(t).ID
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := db.UpdateSpools(ctx, ann, func(have []grove.Spool) (grove.SpoolChange, error) {
					if len(have) > 0 {
						return grove.SpoolChange{}, nil
					}
					return grove.SpoolChange{Save: []grove.Spool{{RFID: "A1"}}}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if got := must(db.Spools(ctx, ann))(t); len(got) != 1 {
			t.Errorf("%d spools, want 1", len(got))
		}
	})
}
