package queue_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

func (h *house) jump(d time.Duration) { h.shift.Add(int64(d)) }

func TestAClockThatJumpsHoldsStartsUntilItIsConfirmed(t *testing.T) {
	for _, d := range []time.Duration{time.Minute, -time.Minute, 365 * 24 * time.Hour} {
		live(t, func(t *testing.T, h *house) {
			pass(time.Minute)
			h.jump(d)
			j := h.submit()
			pass(time.Minute)
			if why := h.job(j.ID).Why; h.m.started() != 0 || !strings.Contains(why, "jumped") || !strings.Contains(why, "grove clock confirm") {
				t.Fatalf("%s: started %d times, %q", d, h.m.started(), why)
			}
			if c := h.queue.Clock(); !c.Held {
				t.Errorf("not held: %+v", c)
			}
			pass(2 * life)
			h.want(j.ID, grove.Queued) // nobody knows what is late
			if c, err := h.queue.ConfirmClock(t.Context(), h.actor); c.Held || err != nil {
				t.Errorf("confirmed and still held: %+v, %v", c, err)
			}
			synctest.Wait()
			h.want(j.ID, grove.Expired) // 20 minutes are over, by a clock that is right
			again := h.submit()
			h.want(again.ID, grove.Accepted)
		})
	}
}

func TestASmallCorrectionOfTheClockIsNoJump(t *testing.T) {
	live(t, func(_ *testing.T, h *house) {
		for range 20 {
			pass(time.Minute)
			h.jump(10 * time.Second)
			pass(time.Minute)
		}
		j := h.submit()
		h.want(j.ID, grove.Accepted)
	})
}

// A Raspberry Pi boots in the past, and the network sets its clock.
func TestAServerThatStartsInThePastHoldsStartsUntilTheClockIsSet(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		h.stop()
		h.jump(-48 * time.Hour)
		h.m.report["gcode_state"] = "IDLE"
		h.open()
		h.run()
		h.arrive()
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if why := h.job(j.ID).Why; h.m.started() != 0 || !strings.Contains(why, "at work") {
			t.Fatalf("started %d times on a clock of the day before yesterday (%q)", h.m.started(), why)
		}
		h.jump(48 * time.Hour)
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}
