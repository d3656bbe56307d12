package fleet_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/internal/fleet"
)

// Starts are refused unless the printer is known to be idle on this very link.
func TestStartConditions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		order := func() fleet.Order {
			return fleet.Order{Serial: serial, JobID: 1, NotAfter: time.Now().Add(time.Minute), Start: bambu.Start{TaskID: 1, Nonce: "2", Plate: 1}}
		}
		for name, c := range map[string]struct {
			set  func(h *house) fleet.Order
			want string
		}{
			"no link":        {func(*house) fleet.Order { return order() }, grove.ReasonPrinterOffline},
			"no full report": {func(h *house) fleet.Order { h.Attach(serial, &printer{}); return order() }, "printer_silent"},
			"busy": {func(h *house) fleet.Order {
				h.Attach(serial, &printer{})
				h.Observe(serial, []byte(strings.Replace(idle, "IDLE", "RUNNING", 1)))
				return order()
			}, "printer_busy"},
			"stale": {func(h *house) fleet.Order {
				h.Attach(serial, &printer{})
				h.Observe(serial, []byte(idle))
				<-time.After(11 * time.Second)
				return order()
			}, "report_stale"},
			"from a past link": {func(h *house) fleet.Order {
				h.Attach(serial, &printer{})("cut")
				h.Attach(serial, &printer{})
				return order()
			}, "printer_silent"},
			"fatal fault": {func(h *house) fleet.Order {
				h.Attach(serial, &printer{})
				h.Observe(serial, []byte(strings.Replace(idle, `"task_id"`, `"hms":[{"attr":50397440,"code":65537}],"task_id"`, 1)))
				return order()
			}, "printer_fault"},
			"too late": {func(h *house) fleet.Order {
				h.Attach(serial, &printer{})
				h.Observe(serial, []byte(idle))
				o := order()
				o.NotAfter = time.Now()
				return o
			}, "too_late"},
			"write fails": {func(h *house) fleet.Order {
				h.Observe(serial, nil)
				p := &printer{}
				h.Attach(serial, p)
				h.Observe(serial, []byte(idle))
				p.refuse = context.Canceled
				return order()
			}, "start_unsure"},
			"all well": {func(h *house) fleet.Order {
				h.Attach(serial, &printer{})
				h.Observe(serial, []byte(idle))
				return order()
			}, ""},
		} {
			h := newHouse(t)
			stop := h.run()
			o := c.set(h)
			synctest.Wait()
			err := h.Start(t.Context(), o)
			stop()
			if (c.want == "" && err != nil) || (c.want != "" && !grove.HasReason(err, c.want)) {
				t.Errorf("%s: got %v, want %q", name, err, c.want)
			}
		}
	})
}

// On a printer's own network everybody reads every reply.
func TestAReplyToSomebodyElseSettlesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	id := h.asks(p, `{"print":{"command":"pause","sequence_id":"8"}}`, "pause")
	for _, foreign := range []string{`{"print":{"command":"resume","sequence_id":"` + id + `","result":"fail"}}`, `{"system":{"command":"pause","sequence_id":"` + id + `","result":"fail"}}`} {
		if seen := h.Observe(serial, []byte(foreign)); string(seen) != foreign {
			t.Errorf("taken for ours: %s", seen)
		}
	}
	if seen := string(h.Observe(serial, []byte(`{"print":{"command":"pause","sequence_id":"`+id+`","result":"success"}}`))); !strings.Contains(seen, `"sequence_id":"8"`) {
		t.Errorf("our own: %s", seen)
	}
	other := newHouse(t)
	q := &printer{}
	other.Attach(serial, q)
	if a, b := p.sequence("get_version"), q.sequence("get_version"); a == b {
		t.Errorf("two servers count alike: %s", a)
	}
}

func TestNothingGoesToWhoShowsAnotherKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	s := &street{}
	h.Reach(s)
	if _, err := h.Add(t.Context(), h.actor, wish("01P00A000000077", "12345678")); err != nil {
		t.Fatal(err)
	}
	p := &printer{}
	h.Attach("01P00A000000077", p) // and the bridge has not ended it yet
	h.Observe("01P00A000000077", []byte(idle))
	at, _, _ := h.LAN("01P00A000000077")
	if err := h.Stranger(t.Context(), at, "bb"); err != nil {
		t.Fatal(err)
	}
	before := len(p.commands())
	o := fleet.Order{Serial: "01P00A000000077", JobID: 1, NotAfter: time.Now().Add(time.Minute), Start: bambu.Start{TaskID: 1, Nonce: "2", Plate: 1}}
	if err := h.Start(t.Context(), o); err == nil || !strings.Contains(err.Error(), "quarantine") {
		t.Errorf("a start: %v", err)
	}
	if _, err := h.Command(t.Context(), h.actor, "01P00A000000077", []byte(`{"print":{"command":"pause"}}`)); err == nil || !strings.Contains(err.Error(), "quarantine") {
		t.Errorf("a command: %v", err)
	}
	if got := p.commands(); len(got) != before {
		t.Errorf("it heard %v", got[before:])
	}
}

func TestAStateThatOutgrewItsBoundIsNotKnownAnyMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Attach(serial, &printer{})
	h.Observe(serial, []byte(idle))
	for n := range 20 {
		h.Observe(serial, []byte(`{"print":{"command":"push_status","msg":1,"`+strings.Repeat("k", n+1)+`":"`+strings.Repeat("x", 200<<10)+`"}}`))
	}
	live, err := h.Now(serial)
	if err != nil || live.Complete {
		t.Errorf("still taken for known: %v", err)
	}
	if err := h.Fit(serial); err == nil {
		t.Error("a print may start there")
	}
}

func TestAPrinterThatFlapsMakesFewTurnsAndItsLastStateIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.run()
		defer stop()
		h.Attach(serial, &printer{})
		h.Observe(serial, []byte(idle))
		synctest.Wait()
		before := len(h.turns.all())
		for n := range 600 {
			state := "RUNNING"
			if n%2 == 0 {
				state = "PAUSE"
			}
			h.Observe(serial, []byte(strings.Replace(idle, "IDLE", state, 1)))
			<-time.After(50 * time.Millisecond)
		}
		h.Observe(serial, []byte(strings.Replace(idle, "IDLE", "FINISH", 1)))
		<-time.After(2 * time.Second)
		synctest.Wait()
		all := h.turns.all()
		if n := len(all) - before; n < 20 || n > 55 {
			t.Errorf("%d turns in 30 s", n)
		}
		if last := all[len(all)-1]; last.Shadow.State != "FINISH" {
			t.Errorf("the last turn tells %s", last.Shadow.State)
		}
	})
}
