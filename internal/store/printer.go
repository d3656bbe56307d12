package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

const (
	// turnColumns are what a change through UpdatePrinter writes, stateColumns
	// what SaveStates writes.
	turnColumns = "access_code, access_code_index, access_code_issued, device_secret_hash, model, firmware, " +
		"online, last_seen_at, gcode_state, print_error, task_id, file_name, plate_clear, auto_clear, heat_until"
	stateColumns = "state, state_at, versions, firmware, model, last_seen_at"

	printerColumns = "serial, " + turnColumns + ", state, state_at, versions, version, " +
		"coalesce(user_id, 0), coalesce(name, ''), coalesce(since, 0), coalesce(tags, '[]')"
	boundPrinters = "printers JOIN ownerships ON printer_serial = serial AND until IS NULL"
	anyPrinters   = "printers LEFT JOIN ownerships ON printer_serial = serial AND until IS NULL"
)

// printerRow is a printer and what only the store knows of it.
type printerRow struct {
	grove.Printer
	sealedCode []byte
	version    int64
}

func (s sealer) scanPrinter(r row) (printerRow, error) {
	var p printerRow
	var index string
	err := r.Scan(&p.Serial, &p.sealedCode, &index, &p.AccessCodeIssued, &p.DeviceSecretHash, &p.Model, &p.Firmware,
		&p.Online, instant{&p.LastSeenAt}, &p.GcodeState, &p.PrintError, &p.TaskID, &p.FileName, &p.PlateClear, &p.AutoClear,
		instant{&p.HeatUntil}, &p.State, instant{&p.StateAt}, &p.Versions, &p.version, &p.OwnerID, &p.Name, instant{&p.BoundAt},
		document{&p.Tags})
	if err != nil || len(p.sealedCode) == 0 {
		return p, err
	}
	code, err := s.open(codePlace(p.Serial), p.sealedCode)
	p.AccessCode = grove.Secret(code)
	return p, err
}

func (s sealer) scanBound(r row) (grove.Printer, error) {
	p, err := s.scanPrinter(r)
	return p.Printer, err
}

func codePlace(serial string) place { return place{"printers", "access_code", serial} }

// turnRow is p as a row of turnColumns. A code that did not change keeps the
// bytes it has, so that unchanged printers can be told by comparison.
func (s sealer) turnRow(p grove.Printer, before printerRow) []any {
	sealed := before.sealedCode
	if p.AccessCode != before.AccessCode {
		sealed = nil
		if p.AccessCode != "" {
			sealed = s.seal(codePlace(p.Serial), []byte(p.AccessCode))
		}
	}
	return []any{
		sealed, s.codeIndex(string(p.AccessCode)), p.AccessCodeIssued, p.DeviceSecretHash, p.Model, p.Firmware,
		p.Online, millis(p.LastSeenAt), p.GcodeState, p.PrintError, p.TaskID, p.FileName, p.PlateClear, p.AutoClear,
		millis(p.HeatUntil),
	}
}

// sameRow compares two rows of turnColumns.
func sameRow(a, b []any) bool {
	codeA, _ := a[0].([]byte)
	codeB, _ := b[0].([]byte)
	return bytes.Equal(codeA, codeB) && slices.Equal(a[1:], b[1:])
}

// Printer finds a bound printer by its serial; NotFound when there is none or
// nobody owns it.
func (db *DB) Printer(ctx context.Context, serial string) (grove.Printer, error) {
	p, err := one(ctx, db.read, db.seal.scanBound,
		"SELECT "+printerColumns+" FROM "+boundPrinters+" WHERE serial = $1", serial)
	return p, fault("find printer", onMissing(err, grove.NoPrinter(serial)))
}

// Printers lists bound printers, the last bound first; all owners' when ownerID
// is 0.
func (db *DB) Printers(ctx context.Context, ownerID int64, page grove.Page) (grove.List[grove.Printer], error) {
	l := listing{
		columns: printerColumns, from: boundPrinters, keys: []string{"since", "serial"}, cursor: db.boundSince(ownerID),
	}
	if ownerID != 0 {
		l.and("user_id = ?", ownerID)
	}
	return list(ctx, db, l, page, db.seal.scanBound)
}

// boundSince is the place in the list of a user's printers. A serial says no
// place by itself, so that a printer that is not in the list any more is refused
// as one that never was.
func (db *DB) boundSince(ownerID int64) cursor {
	return func(ctx context.Context, serial string) ([]any, error) {
		p, err := db.Printer(ctx, serial)
		switch {
		case errors.Is(err, grove.NotFound), err == nil && ownerID != 0 && p.OwnerID != ownerID:
			return nil, badAfter(serial, "a serial")
		case err != nil:
			return nil, err
		}
		return []any{millis(p.BoundAt), serial}, nil
	}
}

// PrintersByAccessCode gives the bound printers with this access code. Codes
// that people brought may be shared by several.
func (db *DB) PrintersByAccessCode(ctx context.Context, code string) ([]grove.Printer, error) {
	printers, err := all(ctx, db.read, db.seal.scanBound,
		"SELECT "+printerColumns+" FROM "+boundPrinters+" WHERE access_code_index = $1 AND access_code_index <> '' ORDER BY serial",
		db.seal.codeIndex(code))
	return printers, fault("find printers by access code", err)
}

// UpdatePrinter changes a printer and the job that holds it (claimed to running,
// or unknown; nil when none does) through fn and adds the events that fn
// returns, all or nothing. Owner, serial, State, StateAt and Versions stay as
// they are. NotFound when the printer is not bound; a job's conflicts as in
// [DB.UpdateJob].
func (db *DB) UpdatePrinter(ctx context.Context, serial string,
	fn func(p *grove.Printer, active *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry,
) (grove.Printer, error) {
	var after grove.Printer
	err := db.change(ctx, "update printer", func(t *tx) error {
		before, err := t.printer(ctx, serial)
		if err != nil {
			return err
		}
		if before.OwnerID == 0 {
			return grove.NoPrinter(serial)
		}
		job, held, err := t.activeJob(ctx, serial)
		if err != nil {
			return err
		}
		p, j := before.Printer, cloneJob(job)
		active := &j
		if !held {
			active = nil
		}
		events, err := fn(&p, active)
		if err != nil {
			return err
		}
		if held {
			if err := t.saveJob(ctx, job, j); err != nil {
				return err
			}
		}
		if err := t.saveTurn(ctx, before, p); err != nil {
			return err
		}
		if err := t.addFacts(ctx, events, acts); err != nil {
			return err
		}
		saved, err := t.printer(ctx, serial)
		after = saved.Printer
		return err
	})
	return after, err
}

// printer loads a printer, bound or not, to be changed.
func (t *tx) printer(ctx context.Context, serial string) (printerRow, error) {
	if err := t.lock(ctx, "printers", "serial = $1", serial); err != nil {
		return printerRow{}, err
	}
	p, err := one(ctx, t, t.seal.scanPrinter, "SELECT "+printerColumns+" FROM "+anyPrinters+" WHERE serial = $1", serial)
	return p, onMissing(err, grove.NoPrinter(serial))
}

// activeJob loads the job that holds a printer, if any.
func (t *tx) activeJob(ctx context.Context, serial string) (grove.Job, bool, error) {
	condition := "serial = $1 AND " + activeState
	if err := t.lock(ctx, "jobs", condition, serial); err != nil {
		return grove.Job{}, false, err
	}
	jobs, err := all(ctx, t, scanJob, findJob+condition, serial)
	if err != nil || len(jobs) == 0 {
		return grove.Job{}, false, err
	}
	return jobs[0], true, nil
}

// saveTurn writes what changed of a printer.
func (t *tx) saveTurn(ctx context.Context, before printerRow, p grove.Printer) error {
	p.Serial = before.Serial
	if p.Name != before.Name || !slices.Equal(p.Tags, before.Tags) {
		tags, err := toJSON(append([]string{}, p.Tags...))
		if err != nil {
			return err
		}
		_, err = exec(ctx, t, `UPDATE ownerships SET name = $1, tags = $2 WHERE printer_serial = $3 AND until IS NULL`, p.Name, tags, p.Serial)
		if err != nil {
			return err
		}
	}
	values := t.seal.turnRow(p, before)
	if sameRow(values, t.seal.turnRow(before.Printer, before)) {
		return nil
	}
	n, err := exec(ctx, t, "UPDATE printers SET "+assign(turnColumns)+", version = version + 1 WHERE serial = $16 AND version = $17",
		append(values, p.Serial, before.version)...)
	if err == nil && n == 0 {
		return errStale
	}
	return err
}

// SaveStates writes what the printers last said: State, StateAt, Versions,
// Firmware, Model and LastSeenAt, nothing else. Printers that nobody owns any
// more are left out.
func (db *DB) SaveStates(ctx context.Context, printers []grove.Printer) error {
	if len(printers) == 0 {
		return nil
	}
	// In one order everywhere, so that two batches cannot wait for each other.
	printers = slices.SortedFunc(slices.Values(printers), func(a, b grove.Printer) int {
		return strings.Compare(a.Serial, b.Serial)
	})
	return db.change(ctx, "save states", func(t *tx) error {
		save, err := t.PrepareContext(ctx, "UPDATE printers SET "+assign(stateColumns)+
			" WHERE serial = $7 AND EXISTS (SELECT 1 FROM ownerships WHERE printer_serial = serial AND until IS NULL)")
		if err != nil {
			return err
		}
		defer func() { _ = save.Close() }() // ends with the transaction at the latest
		for _, p := range printers {
			_, err := save.ExecContext(ctx, storable([]any{
				p.State, millis(p.StateAt), p.Versions, p.Firmware, p.Model, millis(p.LastSeenAt), p.Serial,
			})...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
