package store

import (
	"context"

	"github.com/grovecloud/grove"
)

const (
	countSpools = "spools"
	firstSpool  = 1

	spoolColumns = "id, owner_id, rfid, spool, created_at, updated_at"
	findSpools   = "SELECT " + spoolColumns + " FROM spools WHERE owner_id = $1 ORDER BY id DESC"
)

func scanSpool(r row) (grove.Spool, error) {
	var s grove.Spool
	var id, owner int64
	var rfid string
	err := r.Scan(&id, &owner, &rfid, document{&s}, instant{&s.CreatedAt}, instant{&s.UpdatedAt})
	s.ID, s.OwnerID, s.RFID = id, owner, rfid
	return s, err
}

// spoolRow is s as a row of spoolColumns.
func spoolRow(s grove.Spool) ([]any, error) {
	doc, err := toJSON(s)
	return []any{s.ID, s.OwnerID, s.RFID, doc, millis(s.CreatedAt), millis(s.UpdatedAt)}, err
}

// Spools lists a person's spools, newest first.
func (db *DB) Spools(ctx context.Context, ownerID int64) ([]grove.Spool, error) {
	list, err := all(ctx, db.read, scanSpool, findSpools, ownerID)
	return list, fault("list spools", err)
}

// UpdateSpools changes a person's spools through fn, which sees all of them, newest
// first. It gives the saved ones in fn's order, new ones with their numbers. Without
// a change there are no acts.
// Conflict spool_exists when an RFID is taken.
func (db *DB) UpdateSpools(ctx context.Context, ownerID int64, fn func([]grove.Spool) (grove.SpoolChange, error), acts ...grove.AuditEntry) ([]grove.Spool, error) {
	var saved []grove.Spool
	err := db.change(ctx, "update spools", func(t *tx) error {
		// The owner's row stands for all of the spools, also those not there yet.
		if err := t.lock(ctx, "users", "id = $1", ownerID); err != nil {
			return err
		}
		have, err := all(ctx, t, scanSpool, findSpools, ownerID)
		if err != nil {
			return err
		}
		change, err := fn(have)
		if err != nil {
			return err
		}
		for _, id := range change.Remove {
			if _, err := exec(ctx, t, `DELETE FROM spools WHERE id = $1 AND owner_id = $2`, id, ownerID); err != nil {
				return err
			}
		}
		saved = nil
		for _, s := range change.Save {
			s.OwnerID = ownerID
			if err := t.saveSpool(ctx, &s); err != nil {
				return onUnique(err, grove.Errorf(grove.Conflict, "spool_exists", "There is a spool with the RFID %s already.", s.RFID))
			}
			saved = append(saved, s)
		}
		if len(change.Save)+len(change.Remove) == 0 {
			return nil
		}
		return t.addAudit(ctx, acts)
	})
	return saved, err
}

// saveSpool adds a spool without a number, and writes over one that has one.
func (t *tx) saveSpool(ctx context.Context, s *grove.Spool) (err error) {
	s.CreatedAt, s.UpdatedAt = asStored(s.CreatedAt), asStored(s.UpdatedAt)
	statement := "UPDATE spools SET " + assign(spoolColumns) + " WHERE id = $1 AND owner_id = $2"
	if s.ID == 0 {
		statement = insertInto("spools", spoolColumns)
		if s.ID, err = t.count(ctx, countSpools, firstSpool); err != nil {
			return err
		}
	}
	values, err := spoolRow(*s)
	if err != nil {
		return err
	}
	_, err = exec(ctx, t, statement, values...)
	return err
}
