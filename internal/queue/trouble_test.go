package queue_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// nothingStarts submits a job and wants it to wait.
func (h *house) nothingStarts(t *testing.T, why string) {
	t.Helper()
	before := h.m.started()
	j := h.submit()
	pass(time.Minute)
	if h.m.started() != before {
		t.Errorf("started on a full plate: %s", why)
	}
	h.want(j.ID, grove.Queued)
}

func TestAPrintAtTheScreenWhileAwayTakesThePlate(t *testing.T) {
	t.Run("idle, then finished", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			h.leave("wifi")
			h.m.report["gcode_state"], h.m.report["subtask_name"] = "FINISH", "benchy"
			h.arrive()
			h.nothingStarts(t, "it was idle before it was away, and has finished a print since")
		})
	})
	finished := func(t *testing.T, h *house) {
		t.Helper()
		h.m.becomes(map[string]any{"gcode_state": "RUNNING", "subtask_name": "one"})
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		h.leave("wifi")
	}
	t.Run("another file", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			finished(t, h)
			h.m.report["subtask_name"] = "two"
			h.arrive()
			h.nothingStarts(t, "it finished another print meanwhile")
		})
	})
	t.Run("the same file again", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			finished(t, h)
			pass(time.Hour)
			h.arrive()
			h.nothingStarts(t, "it was away long enough to print the same again")
		})
	})
	t.Run("a short absence is none", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			finished(t, h)
			pass(time.Minute)
			h.arrive()
			h.submit()
			if h.m.started() != 1 {
				t.Error("a confirmed plate was forgotten over a minute without wifi")
			}
		})
	})
}

func TestARefusedStartGivesBackOnlyAnUntouchedPlate(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.mute = true
		h.submit()
		start := h.m.starts[0]
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"}) // begun at the screen while the start travelled
		h.m.becomes(map[string]any{"gcode_state": "FAILED"})
		start["result"], start["reason"] = "fail", "busy"
		h.m.say(map[string]any{"print": start})
		synctest.Wait()
		h.m.mute = false
		h.nothingStarts(t, "the refused start gave the plate back with half a foreign print on it")
	})
}

func TestNothingStartsBeforeTheLastReportIsStored(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.sick.turns.Store(true)
		h.m.becomes(map[string]any{"gcode_state": "RUNNING", "task_id": "7"})
		h.m.becomes(map[string]any{"gcode_state": "FINISH", "task_id": "7"})
		h.nothingStarts(t, "it reported a print that is not stored yet")
		h.sick.turns.Store(false)
		pass(time.Minute)
		if h.m.started() != 0 {
			t.Error("started on a full plate, after the reports were stored")
		}
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if h.m.started() != 1 {
			t.Error("not started although all is stored and the plate confirmed")
		}
	})
}

func TestAStopNeedsNoDatabase(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.m.prints("RUNNING")
		h.sick.audits.Store(true)
		for _, command := range []string{"stop", "pause"} {
			if _, err := h.fleet.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"`+command+`"}}`)); err != nil {
				t.Errorf("%s was not sent: %v", command, err)
			}
		}
		h.sick.jobIn.Store(1)
		before := h.m.stopped()
		if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err == nil {
			t.Error("the wish was not stored and nobody was told")
		}
		if h.m.stopped() != before+1 {
			t.Error("the cancelled print goes on because a row could not be written")
		}
	})
}

func TestACancelledStartIsStoppedWhenItBeginsAllTheSame(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.want(j.ID, grove.Accepted) // the printer still shows the old state
		if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err != nil {
			t.Fatal(err)
		}
		ignored := h.m.stopped()
		pass(2 * time.Minute)
		if h.m.stopped() != ignored {
			t.Error("an idle printer is told to stop over and over")
		}
		h.m.prints("PREPARE")
		pass(time.Minute)
		if h.m.stopped() == ignored {
			t.Error("it prints although it was cancelled")
		}
		h.m.prints("FAILED")
		h.want(j.ID, grove.Cancelled)
		over := h.m.stopped()
		pass(time.Minute)
		if h.m.stopped() != over {
			t.Error("stopped again after the end")
		}
	})
}

// Whichever write fails, the job is not held for ever.
func TestADatabaseHiccupStrandsNoJob(t *testing.T) {
	for n := range int32(4) {
		live(t, func(t *testing.T, h *house) {
			h.sick.jobIn.Store(n + 1)
			j := h.submit()
			pass(2 * time.Minute)
			h.want(j.ID, grove.Accepted)
			if h.m.started() != 1 {
				t.Errorf("write %d failed: %d starts", n+1, h.m.started())
			}
		})
	}
}

func TestAFileThatCanNotBeReadNowIsNotGone(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING", "task_id": "0"})
		j := h.submit()
		h.sick.files.Store(true)
		h.m.becomes(map[string]any{"gcode_state": "IDLE"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		h.want(j.ID, grove.Queued)
		h.sick.files.Store(false)
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}

func TestAPrintOnAPrinterThatNeverReturnsCanBeEnded(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.m.prints("RUNNING")
		if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, grove.Failed); grove.AsError(err).Code != grove.Conflict {
			t.Errorf("a print that runs before our eyes was declared over: %v", err)
		}
		h.leave("burnt down")
		pass(6 * time.Hour)
		if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, grove.Failed); err != nil {
			t.Fatal(err)
		}
		if err := h.fleet.Unbind(t.Context(), h.actor, serial); err != nil {
			t.Errorf("nothing holds it any more, yet: %v", err)
		}
	})
}

// The jobs that a restart settles may be cancelled at the same moment.
func TestSettlingAfterARestartBearsACancel(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		h.stop()
		for _, to := range []grove.JobState{grove.Claimed, grove.Cancelled} {
			if _, err := h.db.UpdateJob(t.Context(), j.ID, func(j *grove.Job) ([]grove.Event, error) { return nil, j.MoveTo(to) }); err != nil {
				t.Fatal(err)
			}
		}
		j.State = grove.Claimed
		h.sick.stale.Store(&j)
		h.open()
		h.run()
		pass(time.Minute)
		h.want(j.ID, grove.Cancelled)
	})
}

// What another process prepares is no job that a failed write left behind.
func TestTheJobsOfAnotherDispatcherAreLeftAlone(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.sick.other.Store(true)
		j := h.submit()
		if _, err := h.db.UpdateJob(t.Context(), j.ID, func(j *grove.Job) ([]grove.Event, error) { return nil, j.MoveTo(grove.Claimed) }); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Minute)
		h.want(j.ID, grove.Claimed)
		if h.m.started() != 0 {
			t.Error("started")
		}
		h.sick.other.Store(false)
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}

// told counts what was told of a kind.
func (h *house) told(kind grove.EventType) (n int) {
	for _, e := range h.events() {
		if e == string(kind) {
			n++
		}
	}
	return n
}

func TestNothingIsToldThatDidNotHappen(t *testing.T) {
	t.Run("a plate that was clear is cleared", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
			h.m.becomes(map[string]any{"gcode_state": "FINISH"})
			for range 2 {
				p, err := h.queue.ClearPlate(t.Context(), h.actor, serial)
				if err != nil || !p.PlateClear {
					t.Fatalf("%+v, %v", p, err)
				}
			}
			if n := h.told(grove.PlateCleared); n != 1 {
				t.Errorf("told %d times", n)
			}
		})
	})
	t.Run("a job of a former release waits on", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
			j := h.submit()
			pass(time.Minute)
			why, before := h.waits(j.ID), h.told(grove.JobWaiting)
			h.stop()
			_, err := h.db.UpdateJob(t.Context(), j.ID, func(j *grove.Job) ([]grove.Event, error) {
				j.Waits = nil // said to people alone
				return nil, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			h.open()
			h.run()
			h.arrive()
			pass(time.Minute)
			if got := h.waits(j.ID); got != why || why == "" {
				t.Errorf("it waits for %q, and before for %q", got, why)
			}
			if n := h.told(grove.JobWaiting) - before; n != 0 {
				t.Errorf("told %d times more", n)
			}
		})
	})
	t.Run("a job that was never on its way waits again", func(t *testing.T) {
		live(t, func(t *testing.T, h *house) {
			h.sick.printers.Store(true)
			h.make(wish(grove.Criteria{}), 1)
			pass(5 * time.Minute)
			if n := h.told(grove.JobWaiting); n != 0 {
				t.Errorf("told %d times", n)
			}
		})
	})
}
