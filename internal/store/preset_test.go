package store_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func preset(owner int64, id string) grove.Preset {
	return grove.Preset{
		ID: id, OwnerID: owner, Type: grove.FilamentPreset, Name: "PLA", Nickname: "p", Version: "1.2.3.4", BaseID: "GFSA00",
		Setting: map[string]json.RawMessage{"a": json.RawMessage(`["1"]`)}, CreatedAt: noon, UpdatedAt: noon,
	}
}

func anyNumber(int) error { return nil }

func TestAPresetIsKeptChangedAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ann := must(db.CreateUser(ctx, grove.User{Email: "ann@example.org", CreatedAt: noon}))(t).ID
		bob := must(db.CreateUser(ctx, grove.User{Email: "bob@example.org", CreatedAt: noon}))(t).ID
		want := preset(ann, "PFUS1")
		same(t, must(db.CreatePreset(ctx, want, anyNumber))(t), want)
		_, err := db.CreatePreset(ctx, want, anyNumber)
		refused(t, err, grove.Conflict, "preset_exists")
		must(db.CreatePreset(ctx, preset(bob, "PFUS2"), anyNumber))(t)

		changed := must(db.UpdatePreset(ctx, "PFUS1", func(p *grove.Preset) error {
			p.ID, p.Name, p.UpdatedAt = "PFUS9", "PETG", noon.Add(time.Hour)
			p.Setting = map[string]json.RawMessage{}
			return nil
		}))(t)
		want.Name, want.UpdatedAt, want.Setting = "PETG", noon.Add(time.Hour), map[string]json.RawMessage{}
		same(t, changed, want)
		same(t, must(db.Preset(ctx, "PFUS1"))(t), want)
		same(t, must(db.Presets(ctx, ann))(t), []grove.Preset{want})

		ok(t, db.DeletePreset(ctx, bob, "PFUS1"))
		must(db.Preset(ctx, "PFUS1"))(t)
		ok(t, db.DeletePreset(ctx, ann, "PFUS1"))
		ok(t, db.DeletePreset(ctx, ann, "PFUS1"))
		_, err = db.Preset(ctx, "PFUS1")
		refused(t, err, grove.NotFound, "preset_not_found")
		_, err = db.UpdatePreset(ctx, "PFUS1", func(*grove.Preset) error { return nil })
		refused(t, err, grove.NotFound, "preset_not_found")
	})
}

func TestNoTwoPresetsAreBothTheLast(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		ann := must(db.CreateUser(ctx, grove.User{Email: "ann@example.org", CreatedAt: noon}))(t).ID
		full := grove.Errorf(grove.Conflict, "full", "x")
		atMost := func(have int) error {
			if have >= 2 {
				return full
			}
			return nil
		}
		var wg sync.WaitGroup
		for _, id := range []string{"a", "b", "c", "d", "e", "f"} {
			wg.Go(func() { _, _ = db.CreatePreset(ctx, preset(ann, id), atMost) })
		}
		wg.Wait()
		if got := must(db.Presets(ctx, ann))(t); len(got) != 2 {
			t.Errorf("%d were admitted, want 2", len(got))
		}
		other := preset(ann, "g")
		other.Type = grove.PrintPreset
		must(db.CreatePreset(ctx, other, atMost))(t)
	})
}
