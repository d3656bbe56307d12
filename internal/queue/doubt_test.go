package queue_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/queue"
)

func TestACancelledStartThatNeverBeganComesToAnEnd(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.want(j.ID, grove.Accepted)
		if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err != nil {
			t.Fatal(err)
		}
		pass(30 * time.Minute) // the printer stays idle and speaks of another job
		if s := h.state(j.ID); !s.Done() {
			_, err := h.queue.Resolve(t.Context(), h.actor, j.ID, grove.Failed)
			t.Fatalf("cancelled half an hour ago and still %s; resolve: %v", s, err)
		}
	})
}

func TestACancelledJobStopsNoOtherPrint(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		before := h.m.stopped()
		h.m.becomes(map[string]any{"gcode_state": "RUNNING", "task_id": "0", "subtask_id": "0", "subtask_name": "at the screen"})
		pass(2 * time.Minute)
		if n := h.m.stopped() - before; n > 0 {
			t.Errorf("a print begun at the screen was told to stop %d times", n)
		}
	})
}

// A job whose print ended while its printer was away is over; what the printer is at by
// now is somebody else's.
func TestACancelledJobWhosePrintIsOverStopsNoOther(t *testing.T) {
	begun := func(h *house) { h.m.prints("RUNNING") }
	away := func(h *house) {
		h.leave("away")
		pass(time.Minute)
	}
	other := func(state string) func(*house) {
		return func(h *house) {
			h.m.becomes(map[string]any{"gcode_state": state, "task_id": "0", "subtask_id": "0", "subtask_name": "ball"})
		}
	}
	back := func(h *house) {
		h.arrive()
		pass(time.Second)
	}
	later := func(*house) { pass(6 * time.Minute) }
	muchLater := func(*house) { pass(12 * time.Hour) }
	restarted := func(h *house) { h.restart() }
	for name, c := range map[string]struct {
		mute  bool // it answers no start
		steps []func(*house)
		stops bool
		was   grove.JobState
		want  grove.JobState
	}{
		"it runs":                                                        {false, []func(*house){begun}, true, grove.Running, grove.Running},
		"it ran, and another is begun":                                   {false, []func(*house){begun, away, other("RUNNING"), back}, false, grove.Running, grove.Failed},
		"it ran, and another is paused":                                  {false, []func(*house){begun, away, other("PAUSE"), back}, false, grove.Running, grove.Failed},
		"it is not known, and another is begun":                          {true, []func(*house){away, later, other("RUNNING"), back}, false, grove.Unknown, grove.Failed},
		"it is not known since the restart, and something begins":        {true, []func(*house){away, restarted, other("PREPARE"), back}, true, grove.Unknown, grove.Unknown},
		"it is on its way, and nothing shows":                            {false, nil, true, grove.Accepted, grove.Accepted},
		"it is on its way, and the former shows":                         {false, []func(*house){other("PREPARE")}, true, grove.Accepted, grove.Accepted},
		"it is not known for long, over a restart, and another is begun": {true, []func(*house){away, muchLater, restarted, other("RUNNING"), back}, false, grove.Unknown, grove.Failed},
		"it is on its way for too long":                                  {false, []func(*house){other("RUNNING"), later}, false, grove.Accepted, grove.Failed},
		"it is not known, and the printer rests":                         {true, []func(*house){away, restarted, back}, true, grove.Unknown, grove.Unknown},
		"it ran, and the printer is silent": {false, []func(*house){begun, away, func(h *house) {
			h.fleet.Attach(serial, &hearer{machine: h.m})
		}}, true, grove.Running, grove.Running},
	} {
		t.Run(name, func(t *testing.T) {
			live(t, func(t *testing.T, h *house) {
				h.m.mute = c.mute
				j := h.submit()
				for _, step := range c.steps {
					step(h)
				}
				h.want(j.ID, c.was)
				before := h.m.stopped()
				got, err := h.queue.Cancel(t.Context(), h.actor, j.ID)
				if err != nil {
					t.Fatal(err)
				}
				if stops := h.m.stopped() > before; stops != c.stops {
					t.Errorf("stopped: %v", stops)
				}
				if got.State != c.want {
					t.Errorf("the job is %s (%s)", got.State, got.Why)
				}
				begun := "whether its print ever began is not known"
				if c.was == grove.Running {
					begun = "its print is over"
				}
				if !c.stops && (got.Failure != "lost" || !strings.HasPrefix(got.Why, begun) || !strings.Contains(got.Why, "ball, which was not stopped") || got.FinishedAt.IsZero()) {
					t.Errorf("the job says %q: %s", got.Failure, got.Why)
				}
				before = h.m.stopped()
				pass(2 * time.Minute)
				if n := h.m.stopped() - before; n > 0 && !c.stops {
					t.Errorf("stopped %d times after", n)
				}
			})
		})
	}
}

// How long a start may be on its way is the queue's to say.
func TestAStartIsOnItsWayForAsLongAsTheQueueSays(t *testing.T) {
	for _, restart := range []bool{false, true} {
		live(t, func(t *testing.T, h *house) {
			h.queue.Proof = time.Minute
			h.m.mute = true
			j := h.submit()
			if restart {
				h.leave("restart")
				h.stop()
				h.open()
				h.queue.Proof = time.Minute
				h.run()
				h.arrive()
			}
			h.m.becomes(map[string]any{"gcode_state": "RUNNING", "subtask_name": "ball"})
			pass(2 * time.Minute)
			got, err := h.queue.Cancel(t.Context(), h.actor, j.ID)
			if err != nil || got.Failure != "lost" || h.m.stopped() > 0 {
				t.Errorf("restart %v: the job is %s (%s), %d stops, %v", restart, got.State, got.Why, h.m.stopped(), err)
			}
		})
	}
}

// hearer hears stops and tells nothing.
type hearer struct{ *machine }

func (m *hearer) Send(payload []byte, until time.Time, late func()) error {
	if !strings.Contains(string(payload), `"stop"`) {
		return nil
	}
	return m.machine.Send(payload, until, late)
}

// unread is what people are still asked to see to.
func (h *house) unread() string {
	h.t.Helper()
	list, err := h.db.Notifications(h.t.Context(), h.actor.UserID, true, grove.Page{})
	if err != nil {
		h.t.Fatal(err)
	}
	var types []string
	for _, n := range list.Items {
		types = append(types, string(n.Type))
	}
	return strings.Join(types, " ")
}

func TestWhoDidWhatWasAskedForIsAskedNoMore(t *testing.T) {
	live(t, func(t *testing.T, h *house) { // a plate
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		if got := h.unread(); got != "print.completed printer.plate_to_clear" {
			t.Fatalf("asked for %s", got)
		}
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		if got := h.unread(); got != "print.completed" {
			t.Errorf("with the plate cleared, still told of %s", got)
		}
	})
	for _, answer := range []grove.JobState{grove.Running, grove.Finished, grove.Failed} { // a start
		live(t, func(t *testing.T, h *house) {
			h.m.mute = true
			j := h.submit()
			h.leave("restart")
			h.restart()
			synctest.Wait()
			h.want(j.ID, grove.Unknown)
			if got := h.unread(); got != "job.unknown" {
				t.Fatalf("asked for %s", got)
			}
			if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, answer); err != nil {
				t.Fatal(err)
			}
			if got := h.unread(); got != "" {
				t.Errorf("answered %s, still asked for %s", answer, got)
			}
		})
	}
	live(t, func(t *testing.T, h *house) { // a printer
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		h.leave("off")
		pass(time.Minute)
		if got := h.unread(); got != "device.offline" {
			t.Fatalf("told of %s", got)
		}
		h.arrive()
		pass(time.Second)
		if got := h.unread(); got != "" {
			t.Errorf("with the printer back, still told of %s", got)
		}
	})
}

func TestSilentPrintersHoldUpNobodyElse(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		idle, err := json.Marshal(map[string]any{"print": map[string]any{"command": "push_status", "msg": 0, "gcode_state": "IDLE", "task_id": "0"}})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 16 {
			s := fmt.Sprintf("01P00A0000001%02d", i)
			if _, err := h.fleet.Bind(t.Context(), h.actor, fleet.Binding{Serial: s, Model: "P1S", PlateClear: true}); err != nil {
				t.Fatal(err)
			}
			h.fleet.Attach(s, mutes{})
			h.fleet.Observe(s, idle)
			synctest.Wait()
			if _, err := h.queue.Submit(t.Context(), h.actor, queue.Submission{Serial: s, FileID: "f_1"}); err != nil {
				t.Fatal(err)
			}
		}
		j := h.submit()
		pass(15 * time.Minute)
		if h.m.started() == 0 {
			t.Errorf("a printer that is idle and answers got no start in 15 min: %s (%s)", h.state(j.ID), h.job(j.ID).Why)
		}
	})
}

// mutes takes everything and answers nothing.
type mutes struct{}

func (mutes) Close(string)                         {}
func (mutes) Send([]byte, time.Time, func()) error { return nil }

func TestAPrinterThatNamesTheJobAndIsIdleDoesNotPrintIt(t *testing.T) {
	for _, state := range []string{"PREPARE", "RUNNING"} {
		t.Run(state, func(t *testing.T) {
			live(t, func(t *testing.T, h *house) {
				j := h.submit()
				h.m.prints(state)
				h.leave("switched off")
				pass(time.Minute)
				h.m.report["gcode_state"] = "IDLE"
				h.arrive()
				pass(30 * time.Minute)
				if s := h.state(j.ID); !s.Done() {
					t.Errorf("idle for half an hour and the job is %s", s)
				}
			})
		})
	}
}

func TestNothingStartsOnAStateThatIsNotOfThisLink(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.leave("wifi")
		h.m.report = map[string]any{"wifi_signal": "-50dBm"}
		h.arrive()
		h.submit()
		pass(time.Minute)
		if h.m.started() != 0 {
			t.Error("started on a printer that has not told its state on this link")
		}
	})
}

func TestACancelIsKeptWhenTheClientHangsUp(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.m.deaf = true
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, _ = h.queue.Cancel(ctx, h.actor, j.ID)
		h.m.deaf = false
		h.m.prints("RUNNING")
		before := h.m.stopped()
		pass(2 * time.Minute)
		if h.m.stopped() == before {
			t.Errorf("the print goes on: it was cancelled, and the wish forgotten (%s)", h.state(j.ID))
		}
	})
}

func TestWhatAPrinterSaysIsStoredInMeasure(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		name := strings.Repeat("x", 100<<10)
		for i := range 200 {
			h.fleet.Observe(serial, fmt.Appendf(nil, `{"print":{"command":"push_status","msg":1,"gcode_state":"IDLE","print_error":%d,"subtask_name":"%s"}}`, 0x03004100+i, name))
			synctest.Wait()
		}
		list, err := h.db.Events(t.Context(), h.actor.UserID, 0, 10000)
		if err != nil {
			t.Fatal(err)
		}
		total := 0
		for _, e := range list {
			total += len(e.Data.FileName) + len(e.Data.Message)
		}
		if total > 1<<20 {
			t.Errorf("200 reports became %d events of %d MiB", len(list), total>>20)
		}
	})
}

func TestANozzleChangedWhileTheJobWaitedHoldsIt(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.file.Plates[0].NozzleDiameter = 0.4
		h.m.becomes(map[string]any{"gcode_state": "RUNNING", "nozzle_diameter": "0.4"})
		j := h.submit()
		h.m.becomes(map[string]any{"gcode_state": "FINISH", "nozzle_diameter": "0.8"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		h.want(j.ID, grove.Queued)
		if why := h.job(j.ID).Why; h.m.started() != 0 || !strings.Contains(why, "0.8 mm") {
			t.Errorf("started %d times on the wrong nozzle (%q)", h.m.started(), why)
		}
		if waits := h.waits(j.ID); waits != "wrong_nozzle map[has:0.8 of:file wanted:0.4]" {
			t.Errorf("it waits for %s", waits)
		}
		h.m.becomes(map[string]any{"nozzle_diameter": "0.4"})
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}

func TestAFreshlyBoundPrinterWaitsForSomebodyToLookAtItsPlate(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		if err := h.fleet.Unbind(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		const other = "01P00A000000002"
		p, err := h.fleet.Bind(t.Context(), h.actor, fleet.Binding{Serial: other, Model: "P1S"})
		if err != nil || p.Printer.PlateClear {
			t.Errorf("bound with a clear plate (%t) that nobody looked at: %v", p.Printer.PlateClear, err)
		}
	})
}

func TestWhatIsRememberedOfAPrinterIsWhatWasStoredLast(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		hold, held := make(chan struct{}), make(chan struct{})
		h.queue.Records = &slow{records: records{h.db, h.sick}, held: held, hold: hold}
		first := make(chan error, 1)
		go func() { // stored first, and slow to come back with it
			_, err := h.queue.ClearPlate(t.Context(), h.actor, serial)
			first <- err
		}()
		<-held
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"}) // takes the plate
		close(hold)
		if err := <-first; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stored, err := h.db.Printer(t.Context(), serial)
		if err != nil {
			t.Fatal(err)
		}
		now, err := h.fleet.Now(serial)
		if err != nil || now.PlateClear != stored.PlateClear || now.GcodeState != stored.GcodeState {
			t.Errorf("remembered clear %t in %s, stored clear %t in %s (%v)", now.PlateClear, now.GcodeState, stored.PlateClear, stored.GcodeState, err)
		}
	})
}

// slow holds up the answer to its first change of a printer.
type slow struct {
	records
	once sync.Once
	held chan<- struct{}
	hold <-chan struct{}
}

func (s *slow) UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error) {
	p, err := s.records.UpdatePrinter(ctx, serial, fn, acts...)
	s.once.Do(func() { close(s.held); <-s.hold })
	return p, err
}
