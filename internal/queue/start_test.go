package queue_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/queue"
)

// between runs something once, when a printer is about to be asked for a report
// or a start is about to leave.
type between struct {
	printers
	refreshed, starting func()
}

func (b *between) Refresh(ctx context.Context, serial string) error {
	err := b.printers.Refresh(ctx, serial)
	if do := b.refreshed; do != nil {
		b.refreshed = nil
		do()
	}
	return err
}

func (b *between) Start(ctx context.Context, o queue.Order) error {
	if do := b.starting; do != nil {
		b.starting = nil
		do()
	}
	return b.printers.Start(ctx, o)
}

func TestAPlateTakenWhileTheStartIsPreparedRefusesIt(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.queue.Printers = &between{printers: printers{h.fleet}, refreshed: func() {
			_, err := h.db.UpdatePrinter(t.Context(), serial, func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
				p.PlateClear = false
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		}}
		j := h.submit()
		if h.m.started() != 0 {
			t.Error("started on a plate that was taken at the last moment")
		}
		h.want(j.ID, grove.Queued)
	})
}

func TestAStartThatSurelyDidNotLeaveGivesBackOnlyAnUntouchedPlate(t *testing.T) {
	plateAfter := func(t *testing.T, h *house, starting func()) bool {
		t.Helper()
		h.queue.Printers = &between{printers: printers{h.fleet}, starting: starting}
		j := h.submit()
		pass(5 * time.Second)
		h.want(j.ID, grove.Failed)
		p, err := h.db.Printer(t.Context(), serial)
		if err != nil {
			t.Fatal(err)
		}
		return p.PlateClear
	}
	live(t, func(t *testing.T, h *house) {
		if !plateAfter(t, h, func() { h.leave("wifi") }) {
			t.Error("nothing was sent, nothing printed, and the plate is taken")
		}
	})
	live(t, func(t *testing.T, h *house) {
		if plateAfter(t, h, func() {
			h.m.meanwhile(map[string]any{"gcode_state": "RUNNING"}) // at the screen
		}) {
			t.Error("the plate came back clear with a foreign print on it")
		}
	})
}

func TestAStartThatIsTooLateExpires(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.queue.StartWithin = 10 * time.Second
		h.queue.Printers = &between{printers: printers{h.fleet}, starting: func() {
			<-time.After(20 * time.Second)
			h.m.meanwhile(map[string]any{"gcode_state": "IDLE"}) // fresh again
		}}
		j := h.submit()
		pass(time.Minute)
		if h.m.started() != 0 {
			t.Error("started after its deadline")
		}
		h.want(j.ID, grove.Expired)
	})
}

func TestACancelJustBeforeTheStartLeavesSendsNone(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.queue.Records = &committing{records: records{h.db, h.sick}, then: func(id int64) {
			_, err := h.db.UpdateJob(t.Context(), id, func(j *grove.Job) ([]grove.Event, error) {
				j.Failure = "cancel_wished"
				return nil, nil
			})
			if err != nil {
				t.Error(err)
			}
		}}
		j := h.submit()
		if h.m.started() != 0 {
			t.Error("a cancelled print was started")
		}
		h.want(j.ID, grove.Cancelled)
	})
}

// reading runs something once, when the job whose start is committed to is read again.
type reading struct {
	records
	do   func(id int64)
	done atomic.Bool
}

func (r *reading) Job(ctx context.Context, id int64) (grove.Job, error) {
	j, err := r.records.Job(ctx, id)
	if err != nil || j.State != grove.Sending || !r.done.CompareAndSwap(false, true) {
		return j, err
	}
	r.do(id)
	return r.records.Job(ctx, id)
}

func TestAJobThatIsOverBeforeItsStartLeavesIsNotStarted(t *testing.T) {
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, h *house, id int64)
		want      grove.JobState
	}{
		"cancelled while another print went by": {func(t *testing.T, h *house, id int64) {
			h.m.meanwhile(map[string]any{"gcode_state": "RUNNING", "subtask_name": "ball"})
			if j, err := h.queue.Cancel(t.Context(), h.actor, id); err != nil || j.State.Done() {
				t.Errorf("cancelled: %s (%s), %v", j.State, j.Why, err)
			}
			h.m.meanwhile(map[string]any{"gcode_state": "FAILED"})
		}, grove.Cancelled},
		"ended": {func(t *testing.T, h *house, id int64) {
			_, err := h.db.UpdateJob(t.Context(), id, func(j *grove.Job) ([]grove.Event, error) {
				return nil, j.MoveTo(grove.Failed)
			})
			if err != nil {
				t.Error(err)
			}
		}, grove.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(t *testing.T, h *house) {
				h.queue.Records = &reading{records: records{h.db, h.sick}, do: func(id int64) { c.meanwhile(t, h, id) }}
				j := h.submit()
				pass(time.Minute)
				if n := h.m.started(); n > 0 || h.m.stopped() > 0 {
					t.Errorf("started %d, stopped %d", n, h.m.stopped())
				}
				h.want(j.ID, c.want)
			})
		})
	}
}

// committing calls then once a start is committed to.
type committing struct {
	records
	then func(id int64)
}

func (c *committing) UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error) {
	var committed int64
	p, err := c.records.UpdatePrinter(ctx, serial, func(p *grove.Printer, j *grove.Job) ([]grove.Event, error) {
		events, err := fn(p, j)
		if committed = 0; err == nil && j != nil && j.State == grove.Sending {
			committed = j.ID
		}
		return events, err
	}, acts...)
	if err == nil && committed != 0 {
		c.then(committed)
	}
	return p, err
}
