package store_test

import (
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func TestSizesAreOfTheWholeServer(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		empty := must(db.Sizes(t.Context()))(t)
		if empty.Database < 4096 || empty.Files != 0 || empty.Contents != 0 || empty.Kind != "sqlite" && empty.Kind != "postgresql" {
			t.Errorf("%+v", empty)
		}
		shelve(t, db, 0, "a.3mf", func(f *grove.File) { f.SizeBytes = 10 })
		shelve(t, db, 1, "b.3mf", func(f *grove.File) { f.OwnerID, f.SizeBytes = 2, 5 })
		shelve(t, db, 2, "c.3mf", func(f *grove.File) { f.State, f.SizeBytes = grove.Awaiting, 2 })
		shelve(t, db, 3, "d.3mf", func(f *grove.File) { f.State, f.SizeBytes = grove.Rejected, 100 })
		full := must(db.Sizes(t.Context()))(t)
		same(t, []int64{full.Files, full.Contents}, []int64{3, 17})
	})
}
