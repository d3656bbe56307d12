package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func shelf(serial string) grove.LAN {
	return grove.LAN{Serial: serial, Host: "192.168.1.40", MQTTS: 18883, FTPS: 990, Camera: 6000, RTSPS: 322, Pin: "aa", Bridge: ""}
}

func TestWhereAPrinterStandsIsKeptWithItsBinding(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		act := grove.AuditEntry{At: noon, Actor: "user:1", UserID: 1, Action: "printer.bind", Serial: "S1"}
		same(t, must(db.BindLAN(ctx, bench("S1"), shelf(""), false, act))(t), bench("S1"))
		same(t, must(db.LANs(ctx))(t), []grove.LAN{shelf("S1")})
		same(t, must(db.Audit(ctx, 1, grove.Page{}))(t).Total, 1)

		moved := shelf("S1")
		moved.Host, moved.StrangerPin, moved.QuarantineAt = "192.168.1.41", "bb", noon
		event := grove.Event{UserID: 1, Type: grove.PrinterQuarantined, At: noon, Data: grove.EventData{DeviceID: "S1"}}
		p, l, err := db.UpdateLAN(ctx, "S1", func(p *grove.Printer, l *grove.LAN) ([]grove.Event, []grove.AuditEntry, error) {
			*l, p.AccessCode = moved, "abcd1234"
			return []grove.Event{event}, []grove.AuditEntry{act}, nil
		})
		ok(t, err)
		same(t, l, moved)
		same(t, p.AccessCode, grove.Secret("abcd1234"))
		same(t, must(db.LANs(ctx))(t), []grove.LAN{moved})
		same(t, must(db.Audit(ctx, 1, grove.Page{}))(t).Total, 2)
		same(t, must(db.Events(ctx, 1, 0, 0))(t)[0].Type, grove.PrinterQuarantined)

		_, _, err = db.UpdateLAN(ctx, "S1", func(_ *grove.Printer, l *grove.LAN) ([]grove.Event, []grove.AuditEntry, error) {
			l.Host = "elsewhere"
			return nil, nil, errors.New("no")
		})
		if err == nil {
			t.Fatal("a change that its closure refused was made")
		}
		same(t, must(db.LANs(ctx))(t), []grove.LAN{moved})
	})
}

func TestAPrinterThatLeavesIsReachedNoMore(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		untouched := func(*grove.Printer, *grove.LAN) ([]grove.Event, []grove.AuditEntry, error) { return nil, nil, nil }
		for _, serial := range []string{"S1", "S2", "S3"} {
			must(db.BindLAN(ctx, bench(serial), shelf(serial), false))(t)
		}
		ok(t, db.UnbindPrinter(ctx, "S1", 1, noon.Add(time.Hour)))
		must(db.BindPrinter(ctx, bench("S2"), false))(t) // it dials in from now on
		taker := bench("S3")
		taker.OwnerID, taker.BoundAt = 2, noon.Add(time.Hour)
		must(db.BindPrinter(ctx, taker, true))(t)
		same(t, len(must(db.LANs(ctx))(t)), 0)
		for _, serial := range []string{"S1", "S2", "S3"} {
			_, _, err := db.UpdateLAN(ctx, serial, untouched)
			refused(t, err, grove.NotFound, "not_on_lan")
		}
		taker.OwnerID = 3
		_, err := db.BindLAN(ctx, taker, shelf("S3"), false)
		refused(t, err, grove.Conflict, "printer_bound")
		must(db.BindLAN(ctx, taker, shelf("S3"), true))(t)
		same(t, must(db.LANs(ctx))(t), []grove.LAN{shelf("S3")})
	})
}
