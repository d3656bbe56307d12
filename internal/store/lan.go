package store

import (
	"context"

	"github.com/grovecloud/grove"
)

const lanColumns = "serial, host, bridge, mqtts_port, ftps_port, camera_port, rtsps_port, pin, stranger_pin, quarantined_at"

func scanLAN(r row) (grove.LAN, error) {
	var l grove.LAN
	err := r.Scan(&l.Serial, &l.Host, &l.Bridge, &l.MQTTS, &l.FTPS, &l.Camera, &l.RTSPS, &l.Pin, &l.StrangerPin, instant{&l.QuarantineAt})
	return l, err
}

// LANs are all printers that are reached on a network, by serial.
func (db *DB) LANs(ctx context.Context) ([]grove.LAN, error) {
	lans, err := all(ctx, db.read, scanLAN, "SELECT "+lanColumns+" FROM lan ORDER BY serial")
	return lans, fault("list printers on networks", err)
}

// BindLAN binds a printer as [DB.BindPrinter] does and keeps where it stands.
func (db *DB) BindLAN(ctx context.Context, p grove.Printer, l grove.LAN, takeOver bool, acts ...grove.AuditEntry) (grove.Printer, error) {
	var bound grove.Printer
	err := db.change(ctx, "bind printer on a network", func(t *tx) (err error) {
		if bound, err = t.bind(ctx, p, takeOver); err != nil {
			return err
		}
		l.Serial = p.Serial
		if err := t.saveLAN(ctx, l); err != nil {
			return err
		}
		return t.addAudit(ctx, acts)
	})
	return bound, err
}

// LANChange decides what becomes of a printer and of where it stands, what is told
// of it, and what is written to the audit log.
type LANChange = func(p *grove.Printer, l *grove.LAN) ([]grove.Event, []grove.AuditEntry, error)

// UpdateLAN changes where a bound printer stands, and the printer, all or nothing.
// NotFound when it is not bound or is reached on no network.
func (db *DB) UpdateLAN(ctx context.Context, serial string, fn LANChange) (grove.Printer, grove.LAN, error) {
	var after grove.Printer
	var lan grove.LAN
	err := db.change(ctx, "update printer on a network", func(t *tx) error {
		before, err := t.printer(ctx, serial) // its lock is that of the row in lan as well
		if err != nil {
			return err
		}
		lan, err = one(ctx, t, scanLAN, "SELECT "+lanColumns+" FROM lan WHERE serial = $1", serial)
		if err != nil {
			return onMissing(err, grove.NotOnLAN(serial))
		}
		p := before.Printer
		events, acts, err := fn(&p, &lan)
		if err != nil {
			return err
		}
		if err := t.saveTurn(ctx, before, p); err != nil {
			return err
		}
		lan.Serial = serial
		if err := t.saveLAN(ctx, lan); err != nil {
			return err
		}
		if err := t.addEvents(ctx, events); err != nil {
			return err
		}
		if err := t.addAudit(ctx, acts); err != nil {
			return err
		}
		saved, err := t.printer(ctx, serial)
		after = saved.Printer
		return err
	})
	return after, lan, err
}

// saveLAN keeps where a printer stands, in place of where it stood.
func (t *tx) saveLAN(ctx context.Context, l grove.LAN) error {
	if err := t.leaveLAN(ctx, l.Serial); err != nil {
		return err
	}
	_, err := exec(ctx, t, insertInto("lan", lanColumns), l.Serial, l.Host, l.Bridge, l.MQTTS, l.FTPS, l.Camera, l.RTSPS,
		l.Pin, l.StrangerPin, millis(l.QuarantineAt))
	return err
}

// leaveLAN forgets where a printer stood.
func (t *tx) leaveLAN(ctx context.Context, serial string) error {
	_, err := exec(ctx, t, "DELETE FROM lan WHERE serial = $1", serial)
	return err
}
