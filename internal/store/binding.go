package store

import (
	"context"
	"time"

	"github.com/grovecloud/grove"
)

// BindPrinter makes p.OwnerID the owner of a printer, with the access code and
// device secret that p brings, from p.BoundAt on.
//
// The owner's own printer keeps its place and what is remembered of it. Somebody
// else's is refused with Conflict printer_bound, or taken over (Conflict
// printer_has_job while a job holds it): the old
// ownership ends, its rows stay. What is true of the machine itself is kept
// then as well; above all a plate that waits to be cleared is never made clear by
// a change of owner. The last report is not shown to the new owner. From then on
// the printer dials in, even if it was reached on a network before.
func (db *DB) BindPrinter(ctx context.Context, p grove.Printer, takeOver bool, acts ...grove.AuditEntry) (grove.Printer, error) {
	var bound grove.Printer
	err := db.change(ctx, "bind printer", func(t *tx) (err error) {
		if bound, err = t.bind(ctx, p, takeOver); err != nil {
			return err
		}
		if err := t.leaveLAN(ctx, p.Serial); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return bound, err
}

// ClaimPrinter binds the printer that a PIN gives away, in the transaction in which
// the PIN is used up. It calls fn with the PIN found by its hash and the printer as
// it is, nobody's if it was unbound meanwhile; fn says whose it becomes.
// NotFound when there is no such PIN.
func (db *DB) ClaimPrinter(ctx context.Context, pin string, fn func(*grove.Pass, *grove.Printer) error, acts ...grove.AuditEntry) (grove.Printer, error) {
	var bound grove.Printer
	err := db.change(ctx, "claim printer", func(t *tx) error {
		var p grove.Printer
		_, err := t.updatePass(ctx, grove.PrinterPass, pin, func(pass *grove.Pass) error {
			before, err := t.printer(ctx, pass.Serial)
			if err != nil {
				return err
			}
			p = before.Printer
			return fn(pass, &p)
		})
		if err != nil {
			return err
		}
		if bound, err = t.bind(ctx, p, true); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return bound, err
}

func (t *tx) bind(ctx context.Context, p grove.Printer, takeOver bool) (grove.Printer, error) {
	fresh, err := exec(ctx, t, `INSERT INTO printers (serial) VALUES ($1) ON CONFLICT (serial) DO NOTHING`, p.Serial)
	if err != nil {
		return grove.Printer{}, err
	}
	before, err := t.printer(ctx, p.Serial)
	if err != nil {
		return grove.Printer{}, err
	}
	if before.OwnerID != 0 && before.OwnerID != p.OwnerID && !takeOver {
		return grove.Printer{}, grove.Errorf(grove.Conflict, "printer_bound",
			"The printer %s is bound to another account. Its owner can unbind it, or give its present access code to prove that it is yours.", p.Serial)
	}
	if before.OwnerID != p.OwnerID {
		if err := t.unheld(ctx, p.Serial); err != nil {
			return grove.Printer{}, err
		}
	}
	if err := t.own(ctx, before, p); err != nil {
		return grove.Printer{}, err
	}
	if fresh == 0 {
		p = asRemembered(before, p)
	}
	if err := t.saveTurn(ctx, before, p); err != nil {
		return grove.Printer{}, err
	}
	saved, err := t.printer(ctx, p.Serial)
	return saved.Printer, err
}

// own makes the ownership row of p the present one.
func (t *tx) own(ctx context.Context, before printerRow, p grove.Printer) error {
	if before.OwnerID == p.OwnerID {
		return nil
	}
	if before.OwnerID != 0 {
		if err := t.disown(ctx, p.Serial, p.BoundAt); err != nil {
			return err
		}
	}
	_, err := exec(ctx, t, `INSERT INTO ownerships (printer_serial, user_id, name, since) VALUES ($1, $2, $3, $4)`,
		p.Serial, p.OwnerID, p.Name, millis(p.BoundAt))
	return err
}

// unheld refuses while a job holds the printer: nobody would be told of its end,
// and it would stand in the way of the next owner's jobs.
func (t *tx) unheld(ctx context.Context, serial string) error {
	active, held, err := t.activeJob(ctx, serial)
	if err != nil || !held {
		return err
	}
	return grove.Errorf(grove.Conflict, "printer_has_job",
		"job %d (%s) holds printer %s; cancel it, or resolve it if its start is unknown, before the printer changes hands", active.ID, active.State, serial)
}

// disown ends the present ownership with all that was shared under it, and forgets
// the last report and where the printer stands.
func (t *tx) disown(ctx context.Context, serial string, at time.Time) error {
	_, err := exec(ctx, t, `UPDATE ownerships SET until = $1 WHERE printer_serial = $2 AND until IS NULL`, millis(at), serial)
	if err != nil {
		return err
	}
	if err := t.endShares(ctx, at, "printer_serial = $2", serial); err != nil {
		return err
	}
	if err := t.leaveLAN(ctx, serial); err != nil {
		return err
	}
	_, err = exec(ctx, t, `UPDATE printers SET state = NULL, state_at = 0, versions = NULL WHERE serial = $1`, serial)
	return err
}

// asRemembered is p with what a known machine keeps whoever binds it.
func asRemembered(before printerRow, p grove.Printer) grove.Printer {
	kept := before.Printer
	kept.Name = p.Name
	kept.AccessCode, kept.AccessCodeIssued = p.AccessCode, p.AccessCodeIssued
	kept.DeviceSecretHash = p.DeviceSecretHash
	kept.AutoClear = p.AutoClear
	if p.Model != "" {
		kept.Model = p.Model
	}
	if before.OwnerID != p.OwnerID {
		kept.PlateClear = before.PlateClear && p.PlateClear
		kept.Tags = nil
	}
	return kept
}

// UnbindPrinter ends the ownership of ownerID. The printer's code, secret and
// last report are forgotten, so that nobody signs in with them any more; jobs
// and the dated ownership stay. NotFound when ownerID does not own it, Conflict printer_has_job
// while a job holds it.
func (db *DB) UnbindPrinter(ctx context.Context, serial string, ownerID int64, at time.Time, acts ...grove.AuditEntry) error {
	return db.change(ctx, "unbind printer", func(t *tx) error {
		before, err := t.printer(ctx, serial)
		if err != nil {
			return err
		}
		if before.OwnerID == 0 || before.OwnerID != ownerID {
			return grove.NoPrinter(serial)
		}
		if err := t.unheld(ctx, serial); err != nil {
			return err
		}
		if err := t.disown(ctx, serial, at); err != nil {
			return err
		}
		forgotten := grove.Printer{
			Serial: serial, Name: before.Name, Model: before.Model, Firmware: before.Firmware,
			LastSeenAt: before.LastSeenAt, PlateClear: before.PlateClear,
		}
		if err := t.saveTurn(ctx, before, forgotten); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
}
