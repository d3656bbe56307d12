package queue_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// restart is a new process on the same records.
func (h *house) restart() {
	h.stop()
	h.open()
	h.run()
}

// Why a job waits is known from the first moment on, before anything has looked again.
func TestWhyAJobWaitsOutlivesARestart(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		second := h.more(hall, "Hall", "P1S")
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		second.becomes(map[string]any{"gcode_state": "FINISH"})
		j, other := h.make(wish(grove.Criteria{}), 1)[0], h.submit()
		pass(time.Minute)
		want := []string{h.waits(j.ID), h.waits(other.ID)}
		h.stop()
		h.open() // and nothing runs
		if got := []string{h.waits(j.ID), h.waits(other.ID)}; !slices.Equal(got, want) || got[0] != "plate_not_clear map[printers:[Hall]]" || got[1] == "" {
			t.Errorf("they wait for %q, and before for %q", got, want)
		}
		h.run()
		pass(time.Minute)
		if told := h.waits(j.ID); !strings.HasPrefix(told, grove.WaitNoneFree) {
			t.Errorf("with both printers away it waits for %s", told)
		}
	})
}

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

func TestAHoldOfTheClockOutlivesARestart(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		pass(time.Minute)
		h.jump(24 * time.Hour)
		j := h.submit()
		pass(time.Minute)
		h.restart()
		pass(time.Minute)
		if why := h.job(j.ID).Why; h.m.started() != 0 || !strings.Contains(why, "jumped") {
			t.Fatalf("started %d times, %q", h.m.started(), why)
		}
		h.queue.ConfirmClock(t.Context(), h.actor)
		h.restart()
		pass(time.Minute)
		if c := h.queue.Clock(); c.Held {
			t.Errorf("confirmed, and held again after a restart: %+v", c)
		}
	})
}

// A clock that was behind may be set to any time that is later. Only one soon after
// the last that is known counts by itself.
func TestAClockThatWasBehindIsTrustedOnlySoonAfterTheLastRecord(t *testing.T) {
	for _, c := range []struct {
		ahead   time.Duration
		restart bool
		held    bool
	}{
		{23 * time.Hour, false, false},
		{25 * time.Hour, false, true},
		{73 * 365 * 24 * time.Hour, false, true},
		{-time.Hour, false, true},
		{23 * time.Hour, true, false}, // set while the server was stopped
		{25 * time.Hour, true, true},
	} {
		live(t, func(t *testing.T, h *house) {
			h.submit()
			const behind = 48 * time.Hour
			h.jump(-behind)
			h.restart()
			pass(time.Minute)
			if !h.queue.Clock().Held {
				t.Fatal("not held")
			}
			h.jump(behind + c.ahead)
			if c.restart {
				h.restart()
			}
			pass(time.Minute)
			if got := h.queue.Clock(); got.Held != c.held {
				t.Errorf("set to %s after the last record, restart %t: %+v", c.ahead, c.restart, got)
			}
		})
	}
}

// A clock that was ahead before the server started has not jumped.
func TestNothingIsOldByAClockThatMayBeAhead(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.submit()
		pass(time.Minute)
		if why := h.queue.MayForget(t.Context()); why != nil {
			t.Errorf("a usual start: %s", why)
		}
		h.pace = 5 * time.Minute // days pass here
		for range 2 {            // also after what it wrote by that clock
			h.stop()
			h.jump(10 * 24 * time.Hour)
			h.open()
			h.run()
			pass(23 * time.Hour)
			if h.queue.MayForget(t.Context()) == nil {
				t.Error("taken for right")
			}
		}
		if c := h.queue.Clock(); c.Held {
			t.Errorf("starts are held: %s", c.Why)
		}
		pass(2 * time.Hour)
		if why := h.queue.MayForget(t.Context()); why != nil {
			t.Errorf("after a day: %s", why)
		}
		h.stop()
		h.jump(10 * 24 * time.Hour)
		h.open()
		h.run()
		pass(time.Minute)
		if _, err := h.queue.ConfirmClock(t.Context(), h.actor); err != nil || h.queue.MayForget(t.Context()) != nil {
			t.Errorf("confirmed: %v", err)
		}
	})
}
