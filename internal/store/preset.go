package store

import (
	"context"

	"github.com/grovecloud/grove"
)

const (
	presetColumns = "id, owner_id, type, name, nickname, version, base_id, setting, created_at, updated_at"
	findPreset    = "SELECT " + presetColumns + " FROM presets WHERE "
)

func scanPreset(r row) (grove.Preset, error) {
	var p grove.Preset
	err := r.Scan(&p.ID, &p.OwnerID, &p.Type, &p.Name, &p.Nickname, &p.Version, &p.BaseID, document{&p.Setting},
		instant{&p.CreatedAt}, instant{&p.UpdatedAt})
	return p, err
}

// presetRow is p as a row of presetColumns.
func presetRow(p grove.Preset) ([]any, error) {
	setting, err := toJSON(p.Setting)
	return []any{
		p.ID, p.OwnerID, string(p.Type), p.Name, p.Nickname, p.Version, p.BaseID, setting, millis(p.CreatedAt), millis(p.UpdatedAt),
	}, err
}

// CreatePreset adds a preset under the id it comes with, when admit agrees to so
// many that its owner has of its type already. NotFound when there is no such
// owner, Conflict preset_exists when the id is taken.
func (db *DB) CreatePreset(ctx context.Context, p grove.Preset, admit func(have int) error, acts ...grove.AuditEntry) (grove.Preset, error) {
	err := db.change(ctx, "create preset", func(t *tx) error {
		// The owner's row is held, so that two cannot both be the last one admitted.
		if err := t.lock(ctx, "users", "id = $1", p.OwnerID); err != nil {
			return err
		}
		have, err := one(ctx, t, scanned[int], `SELECT count(*) FROM presets WHERE owner_id = $1 AND type = $2`, p.OwnerID, string(p.Type))
		if err != nil {
			return err
		}
		if err := admit(have); err != nil {
			return err
		}
		values, err := presetRow(p)
		if err != nil {
			return err
		}
		if _, err = exec(ctx, t, insertInto("presets", presetColumns), values...); err != nil {
			return onUnique(err, grove.Errorf(grove.Conflict, "preset_exists", "There is a preset %s already.", p.ID))
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		p, err = one(ctx, t, scanPreset, findPreset+"id = $1", p.ID)
		return err
	})
	return p, err
}

func noPreset() *grove.Error {
	return grove.Errorf(grove.NotFound, "preset_not_found", "There is no such preset.")
}

// Preset finds a preset; NotFound when there is none.
func (db *DB) Preset(ctx context.Context, id string) (grove.Preset, error) {
	p, err := one(ctx, db.read, scanPreset, findPreset+"id = $1", id)
	return p, fault("find preset", onMissing(err, noPreset()))
}

// Presets lists a person's presets, oldest first.
func (db *DB) Presets(ctx context.Context, ownerID int64) ([]grove.Preset, error) {
	list, err := all(ctx, db.read, scanPreset, findPreset+"owner_id = $1 ORDER BY created_at, id", ownerID)
	return list, fault("list presets", err)
}

// UpdatePreset changes a preset through fn. Its id stays. NotFound when there is none.
func (db *DB) UpdatePreset(ctx context.Context, id string, fn func(*grove.Preset) error, acts ...grove.AuditEntry) (grove.Preset, error) {
	var p grove.Preset
	err := db.change(ctx, "update preset", func(t *tx) (err error) {
		if err := t.lock(ctx, "presets", "id = $1", id); err != nil {
			return err
		}
		if p, err = one(ctx, t, scanPreset, findPreset+"id = $1", id); err != nil {
			return onMissing(err, noPreset())
		}
		if err := fn(&p); err != nil {
			return err
		}
		p.ID = id
		values, err := presetRow(p)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, t, "UPDATE presets SET "+assign(presetColumns)+" WHERE id = $1", values...); err != nil {
			return err
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		p, err = one(ctx, t, scanPreset, findPreset+"id = $1", id)
		return err
	})
	return p, err
}

// DeletePreset removes a person's preset. One that is not there, or another's, is
// left alone, and then there are no acts.
func (db *DB) DeletePreset(ctx context.Context, ownerID int64, id string, acts ...grove.AuditEntry) error {
	return db.change(ctx, "delete preset", func(t *tx) error {
		n, err := exec(ctx, t, `DELETE FROM presets WHERE id = $1 AND owner_id = $2`, id, ownerID)
		if err != nil || n == 0 {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}
