package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func bench(serial string) grove.Printer {
	return grove.Printer{
		Serial: serial, Name: "Bench", Model: "C12", OwnerID: 1, Tags: []string{}, BoundAt: noon,
		AccessCode: "12345678", AccessCodeIssued: true, DeviceSecretHash: "abc", PlateClear: true,
	}
}

func TestABoundPrinterIsFoundAndAnUnboundIsNot(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		_, err := db.Printer(ctx, "S1")
		refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)
		want := bench("S1")
		same(t, must(db.BindPrinter(ctx, want, false))(t), want)
		same(t, must(db.Printer(ctx, "S1"))(t), want)
		_, err = db.Printer(ctx, "s1")
		refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)

		refused(t, db.UnbindPrinter(ctx, "S1", 2, noon), grove.NotFound, grove.ReasonPrinterNotFound)
		ok(t, db.UnbindPrinter(ctx, "S1", 1, noon.Add(time.Hour)))
		_, err = db.Printer(ctx, "S1")
		refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)
		refused(t, db.UnbindPrinter(ctx, "S1", 1, noon), grove.NotFound, grove.ReasonPrinterNotFound)
		_, err = db.UpdatePrinter(ctx, "S1", func(*grove.Printer, *grove.Job) ([]grove.Event, error) { return nil, nil })
		refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)
		same(t, len(must(db.PrintersByAccessCode(ctx, "12345678"))(t)), 0)
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM printers WHERE device_secret_hash <> '' OR access_code_index <> ''`))(t), int64(0))
	})
}

func TestOwnersChangeAndHistoryStays(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.BindPrinter(ctx, bench("S1"), false))(t)
		must(db.UpdatePrinter(ctx, "S1", func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
			p.PlateClear, p.GcodeState, p.Firmware = false, "RUNNING", "01.08.00.00"
			return nil, nil
		}))(t)
		spoken := grove.Printer{Serial: "S1", Model: "C12", Firmware: "01.08.00.00", State: []byte(`{"a":1}`), StateAt: noon, LastSeenAt: noon}
		ok(t, db.SaveStates(ctx, []grove.Printer{spoken}))

		taker := bench("S1")
		taker.OwnerID, taker.BoundAt, taker.Name, taker.AccessCode, taker.Model = 2, noon.Add(time.Hour), "Mine now", "87654321", ""
		_, err := db.BindPrinter(ctx, taker, false)
		refused(t, err, grove.Conflict, "printer_bound")
		same(t, must(db.Printer(ctx, "S1"))(t).OwnerID, int64(1))

		taken := must(db.BindPrinter(ctx, taker, true))(t)
		want := taker
		want.Model, want.Firmware, want.GcodeState, want.LastSeenAt = "C12", "01.08.00.00", "RUNNING", noon
		want.PlateClear = false // the plate does not know who owns it
		same(t, taken, want)
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM ownerships WHERE user_id = 1 AND until = $1`, noon.Add(time.Hour).UnixMilli()))(t), int64(1))
		same(t, len(must(db.PrintersByAccessCode(ctx, "12345678"))(t)), 0)

		ok(t, db.UnbindPrinter(ctx, "S1", 2, noon.Add(2*time.Hour)))
		third := must(db.BindPrinter(ctx, bench("S1"), false))(t)
		same(t, third.GcodeState, "")
		same(t, third.PlateClear, false)
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM ownerships`))(t), int64(3))
	})
}

func TestRebindingOnesOwnPrinterKeepsItsPlaceAndItsPlate(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.BindPrinter(ctx, bench("S1"), false))(t)
		must(db.UpdatePrinter(ctx, "S1", func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
			p.PlateClear, p.Online = false, true
			return nil, nil
		}))(t)
		again := bench("S1")
		again.Name, again.AccessCode, again.AccessCodeIssued, again.BoundAt = "Shelf", "mine1234", false, noon.Add(time.Hour)
		want := again
		want.BoundAt, want.PlateClear, want.Online = noon, false, true
		same(t, must(db.BindPrinter(ctx, again, false))(t), want)
		same(t, must(db.RawInt(ctx, `SELECT count(*) FROM ownerships`))(t), int64(1))
	})
}

func TestOnlyOneOfManyBindsAPrinter(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		errs := make([]error, 8)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				p := bench("S1")
				p.OwnerID = int64(i + 1)
				_, errs[i] = db.BindPrinter(t.Context(), p, false)
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			refused(t, err, grove.Conflict, "printer_bound")
		}
		same(t, won, 1)
	})
}

func TestAnAccessCodeFindsEveryPrinterThatHasIt(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for serial, code := range map[string]grove.Secret{"S1": "aaaa1111", "S2": "bbbb2222", "S3": "aaaa1111", "S4": ""} {
			p := bench(serial)
			p.AccessCode = code
			must(db.BindPrinter(ctx, p, false))(t)
		}
		serials := func(code string) (found []string) {
			for _, p := range must(db.PrintersByAccessCode(ctx, code))(t) {
				found = append(found, p.Serial)
			}
			return found
		}
		same(t, serials("aaaa1111"), []string{"S1", "S3"})
		same(t, serials("bbbb2222"), []string{"S2"})
		same(t, serials("AAAA1111"), []string(nil))
		same(t, serials(""), []string(nil))
		must(db.UpdatePrinter(ctx, "S1", func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
			p.AccessCode = "bbbb2222"
			return nil, nil
		}))(t)
		same(t, serials("bbbb2222"), []string{"S1", "S2"})
		same(t, serials("aaaa1111"), []string{"S3"})
	})
}

func TestStatesAndTurnsDoNotOverwriteEachOther(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		must(db.BindPrinter(ctx, bench("S1"), false))(t)
		must(db.BindPrinter(ctx, bench("S2"), false))(t)
		turned := must(db.UpdatePrinter(ctx, "S1", func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
			if active != nil {
				return nil, errors.New("a job came from nowhere")
			}
			p.Name, p.GcodeState, p.TaskID, p.FileName, p.PrintError = "Renamed", "RUNNING", "700000001", "cube.3mf", 0x0300400C
			p.PlateClear, p.OwnerID, p.State = false, 9, []byte("ignored")
			return nil, nil
		}))(t)
		want := bench("S1")
		want.Name, want.GcodeState, want.TaskID, want.FileName, want.PrintError, want.PlateClear = "Renamed", "RUNNING", "700000001", "cube.3mf", 0x0300400C, false
		same(t, turned, want)

		// Bytes that are no text are kept as they are: a report is stored, not read.
		said := grove.Printer{
			Serial: "S1", Model: "C11", Firmware: "01.02", State: []byte("{\"x\":\"\xff\x00\"}"), StateAt: noon,
			Versions: []byte(`{"module":[]}`), LastSeenAt: noon.Add(time.Second), GcodeState: "IDLE", PlateClear: true,
		}
		stranger := grove.Printer{Serial: "gone", State: []byte("{}")}
		ok(t, db.SaveStates(ctx, []grove.Printer{stranger, said}))
		want.Model, want.Firmware, want.State, want.StateAt = said.Model, said.Firmware, said.State, said.StateAt
		want.Versions, want.LastSeenAt = said.Versions, said.LastSeenAt
		same(t, must(db.Printer(ctx, "S1"))(t), want)
		same(t, must(db.Printer(ctx, "S2"))(t), bench("S2"))
		ok(t, db.SaveStates(ctx, nil))
	})
}

func TestPrintersAreListedLastBoundFirst(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		for i := range 7 {
			p := bench(fmt.Sprintf("S%d", i))
			p.BoundAt = noon.Add(time.Duration(i/2) * time.Minute) // some at the same time
			p.OwnerID = int64(1 + i/6)
			must(db.BindPrinter(ctx, p, false))(t)
		}
		pages := func(page grove.Page) (serials []string, total int, more bool) {
			got := must(db.Printers(ctx, 1, page))(t)
			for _, p := range got.Items {
				serials = append(serials, p.Serial)
			}
			return serials, got.Total, got.More
		}
		for _, c := range []struct {
			page grove.Page
			want []string
			more bool
		}{
			{grove.Page{}, []string{"S5", "S4", "S3", "S2", "S1", "S0"}, false},
			{grove.Page{Limit: 4}, []string{"S5", "S4", "S3", "S2"}, true},
			{grove.Page{Page: 2, Limit: 4}, []string{"S1", "S0"}, false},
			{grove.Page{Page: 9, Limit: 2, Offset: 1}, []string{"S4", "S3"}, true},
			{grove.Page{Page: 9, Limit: 2, Offset: 3, After: "S4"}, []string{"S3", "S2"}, true},
			{grove.Page{Limit: 2, After: "S2"}, []string{"S1", "S0"}, false},
			{grove.Page{Page: 3, Limit: 4}, nil, false},
		} {
			serials, total, more := pages(c.page)
			same(t, serials, c.want)
			same(t, total, 6)
			same(t, more, c.more)
		}
		same(t, must(db.Printers(ctx, 0, grove.Page{}))(t).Total, 7)
		ok(t, db.UnbindPrinter(ctx, "S4", 1, noon))
		for _, after := range []string{"nobody's", "S4", "S6"} {
			_, err := db.Printers(ctx, 1, grove.Page{Limit: 4, After: after})
			refused(t, err, grove.Invalid, "after")
		}
	})
}

// One PIN gives one printer to one of those who type it at the same moment.
func TestAPINIsClaimedOnce(t *testing.T) {
	each(t, func(t *testing.T, db *store.DB) {
		ann, bob := two(t, db)
		p := bench("S1")
		p.OwnerID = ann.ID
		must(db.BindPrinter(t.Context(), p, false))(t)
		now := time.Now().UTC()
		err := db.AddPasses(t.Context(), []grove.Pass{{ID: "pass_1", Kind: grove.PrinterPass, UserID: ann.ID, Hash: "h", Serial: "S1", CreatedAt: now, ExpiresAt: now.Add(time.Minute)}})
		if err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 4)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = db.ClaimPrinter(t.Context(), "h", func(pass *grove.Pass, p *grove.Printer) error {
					if !pass.Open(now) || pass.Serial != "S1" || p.OwnerID != pass.UserID {
						return grove.NoPIN()
					}
					pass.UsedAt, p.OwnerID, p.BoundAt = now, bob.ID, now
					return nil
				})
			})
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !grove.HasReason(err, "pin_unknown"):
				t.Error(err)
			}
		}
		if p, err := db.Printer(t.Context(), "S1"); err != nil || won != 1 || p.OwnerID != bob.ID {
			t.Errorf("%d claimed it; %+v, %v", won, p, err)
		}
	})
}
