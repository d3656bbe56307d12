package queue_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func TestAJobGoesItsWay(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.want(j.ID, grove.Accepted)
		start := h.m.starts[0]
		if start["task_id"] != j.TaskID() || start["url"] != "http://127.0.0.1/f/f_1" || start["use_ams"] != false {
			t.Errorf("start %v", start)
		}
		h.m.prints("PREPARE")
		h.m.prints("RUNNING")
		h.want(j.ID, grove.Running)
		h.m.prints("FINISH")
		h.want(j.ID, grove.Finished)
		p, err := h.db.Printer(t.Context(), serial)
		if err != nil || p.PlateClear {
			t.Errorf("the plate counts as clear after a print (%v)", err)
		}
		got := h.events()
		for _, e := range []grove.EventType{grove.JobQueued, grove.JobStarted, grove.PrintStarted, grove.PrintCompleted, grove.JobFinished, grove.PlateToClear, grove.NotificationCreated} {
			if n := len(slices.DeleteFunc(slices.Clone(got), func(s string) bool { return s != string(e) })); n == 0 || (n > 1 && e != grove.NotificationCreated) {
				t.Errorf("%s told %d times; all: %v", e, n, got)
			}
		}
	})
}

// A simulated printer that clears its plate does so however its print ended; of others
// somebody takes the part off.
func TestOnlyAPlateThatClearsItselfIsClearAfterAPrint(t *testing.T) {
	const cancelled = 50348044 // 0300-400C: stopped by a person
	for _, itself := range []bool{true, false} {
		live(t, func(t *testing.T, h *house) {
			if _, err := h.fleet.Bind(t.Context(), h.actor, fleet.Binding{Serial: hall, Name: "Hall", Model: "P1S", AutoClear: itself}); err != nil {
				t.Fatal(err)
			}
			m := h.machine(hall)
			h.fleet.Attach(hall, m)
			isClear := func() bool {
				p, err := h.db.Printer(t.Context(), hall)
				if err != nil {
					t.Fatal(err)
				}
				return p.PlateClear
			}
			for _, end := range []map[string]any{
				{"gcode_state": "FINISH", "print_error": 0}, {"gcode_state": "FAILED", "print_error": 0}, {"gcode_state": "FAILED", "print_error": cancelled},
			} {
				m.becomes(map[string]any{"gcode_state": "RUNNING", "print_error": 0})
				if isClear() {
					t.Errorf("clears itself %v: the plate of a print is clear", itself)
				}
				m.becomes(end)
				if isClear() != itself {
					t.Errorf("clears itself %v: after %v the plate is clear: %v", itself, end, isClear())
				}
				if asked := strings.Contains(h.unread(), "plate_to_clear"); asked == itself {
					t.Errorf("clears itself %v: after %v somebody is asked to look: %v", itself, end, asked)
				}
				if _, err := h.queue.ClearPlate(t.Context(), h.actor, hall); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestNothingStartsOnAPlateThatIsNotConfirmed(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"}) // at the printer's screen
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		j := h.submit()
		pass(time.Minute)
		h.want(j.ID, grove.Queued)
		if !strings.Contains(h.job(j.ID).Why, "plate") || !slices.Contains(h.events(), string(grove.JobWaiting)) {
			t.Errorf("why %q, events %v", h.job(j.ID).Why, h.events())
		}
		if h.m.started() != 0 {
			t.Fatal("started on a full plate")
		}
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		h.want(j.ID, grove.Accepted)
	})
}

func TestAnUnansweredStartIsNeverSentAgain(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.mute = true
		j := h.submit()
		h.want(j.ID, grove.Sending)
		second := h.submit()
		pass(299 * time.Second)
		h.want(j.ID, grove.Sending)
		pass(30 * time.Second)
		if s := h.state(j.ID); s != grove.Unknown && s != grove.Failed {
			t.Errorf("after 300 s the job is %s", s)
		}
		pass(10 * time.Minute)
		if n := h.m.started(); n != 1 {
			t.Errorf("sent %d times", n)
		}
		h.want(second.ID, grove.Queued) // the plate is in doubt
	})
}

func TestALateAcceptanceIsBelieved(t *testing.T) {
	live(t, func(_ *testing.T, h *house) {
		h.m.mute = true
		j := h.submit()
		pass(200 * time.Second) // seen on real machines
		h.m.prints("RUNNING")
		h.want(j.ID, grove.Running)
		h.m.prints("FINISH")
		h.want(j.ID, grove.Finished)
	})
}

func TestAnIdlePrinterProvesAfterAWhileThatNothingBegan(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.mute = true
		j := h.submit()
		pass(6 * time.Minute)
		h.want(j.ID, grove.Failed)
		if h.job(j.ID).Failure != "not_started" {
			t.Errorf("failure %q", h.job(j.ID).Failure)
		}
	})
}

func TestAPersonResolvesWhatNobodyKnows(t *testing.T) {
	for _, outcome := range []grove.JobState{grove.Finished, grove.Failed, grove.Running} {
		live(t, func(t *testing.T, h *house) {
			h.m.mute = true
			j := h.submit()
			h.leave("power cut")
			pass(10 * time.Minute)
			h.want(j.ID, grove.Unknown)
			if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); grove.AsError(err).Code != grove.Conflict {
				t.Errorf("the plate was confirmed while the job was unknown: %v", err)
			}
			if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, outcome); err != nil {
				t.Fatal(err)
			}
			h.want(j.ID, outcome)
			if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, grove.Running); grove.AsError(err).Code != grove.Conflict {
				t.Errorf("resolved twice: %v", err)
			}
		})
	}
}

func TestARefusedStartFailsAndLeavesThePlate(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.refuse = "busy"
		j := h.submit()
		h.want(j.ID, grove.Failed)
		if why := h.job(j.ID).Why; !strings.Contains(why, "busy") {
			t.Errorf("why %q", why)
		}
		cleared := func() bool {
			p, err := h.db.Printer(t.Context(), serial)
			if err != nil {
				t.Fatal(err)
			}
			return p.PlateClear
		}
		h.m.refuse = ""
		second := h.submit()
		pass(290 * time.Second)
		if cleared() || h.m.started() != 1 {
			t.Errorf("%d starts on a printer that may yet begin what it refused, plate clear %t", h.m.started(), cleared())
		}
		pass(90 * time.Second)
		h.want(second.ID, grove.Accepted)
		h.m.prints("RUNNING")
		pass(10 * time.Minute)
		if cleared() {
			t.Error("the plate is given back under a print")
		}
	})
	live(t, func(t *testing.T, h *house) { // it begins all the same
		h.m.refuse = "busy"
		h.submit()
		h.m.refuse = ""
		second := h.submit()
		pass(200 * time.Second)
		h.m.prints("RUNNING")
		h.m.prints("FINISH")
		pass(10 * time.Minute)
		if n := h.m.started(); n != 1 {
			t.Errorf("%d starts", n)
		}
		h.want(second.ID, grove.Queued)
	})
	live(t, func(t *testing.T, h *house) { // a person has looked
		h.m.refuse = "busy"
		h.submit()
		h.m.refuse = ""
		second := h.submit()
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(30 * time.Second)
		h.want(second.ID, grove.Accepted)
	})
}

func TestABusyPrinterLetsTheJobWaitAndAnOfflineOneRefusesIt(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		pass(time.Minute)
		h.want(j.ID, grove.Queued)
		h.leave("off")
		_, err := h.queue.Submit(t.Context(), h.actor, queue.Submission{Serial: serial, FileID: "f_1"})
		if !grove.HasReason(err, grove.ReasonPrinterOffline) {
			t.Errorf("got %v", err)
		}
		all, err := h.db.Jobs(t.Context(), grove.JobQuery{}, grove.Page{})
		if err != nil || all.Total != 1 {
			t.Errorf("%d jobs (%v)", all.Total, err)
		}
	})
}

func TestAJobLapsesAndIsNeverStartedAfter(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		pass(life + time.Minute)
		h.want(j.ID, grove.Expired)
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Minute)
		if h.m.started() != 0 {
			t.Error("a lapsed job was started")
		}
		if !slices.Contains(h.events(), string(grove.JobExpired)) {
			t.Errorf("events %v", h.events())
		}
	})
}

func TestASilentPrinterIsNotStarted(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.mu.Lock()
		h.m.deaf = true
		h.m.mu.Unlock()
		j := h.submit()
		pass(time.Minute)
		if h.m.started() != 0 || h.state(j.ID).Started() {
			t.Errorf("job %s, %d starts", h.state(j.ID), h.m.started())
		}
		h.m.mu.Lock()
		h.m.deaf = false
		h.m.mu.Unlock()
		pass(time.Minute)
		h.want(j.ID, grove.Accepted)
	})
}

func TestARestartDoubtsWhatWasBeingSent(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.mute = true
		j := h.submit()
		h.want(j.ID, grove.Sending)
		h.leave("restart")
		h.stop()
		h.open()
		h.run()
		synctest.Wait()
		h.want(j.ID, grove.Unknown)
		h.arrive()
		pass(time.Minute)
		if n := h.m.started(); n != 1 {
			t.Fatalf("sent %d times", n)
		}
		h.m.prints("RUNNING")
		h.want(j.ID, grove.Running)
	})
}

func TestARestartDuringAPrintChangesNothingUntilAFullReport(t *testing.T) {
	live(t, func(_ *testing.T, h *house) {
		j := h.submit()
		h.m.prints("RUNNING")
		h.leave("restart")
		h.stop()
		h.open()
		h.run()
		h.m.mu.Lock()
		h.m.deaf = true // connects, but tells nothing yet
		h.m.mu.Unlock()
		h.arrive()
		h.fleet.Observe(serial, []byte(`{"print":{"command":"push_status","msg":1,"gcode_state":"IDLE"}}`))
		pass(time.Minute)
		h.want(j.ID, grove.Running)
		h.m.prints("FINISH")
		h.want(j.ID, grove.Finished)
	})
}

func TestAPowerCutEndsTheJob(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.m.prints("RUNNING")
		h.leave("power cut")
		h.m.report = map[string]any{"gcode_state": "IDLE", "task_id": "0", "subtask_id": "0"}
		h.arrive()
		h.want(j.ID, grove.Failed)
		if h.job(j.ID).Failure != "lost" {
			t.Errorf("failure %q", h.job(j.ID).Failure)
		}
	})
}

func TestCancelBeforeAndAfterTheStart(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		waiting := h.submit()
		if _, err := h.queue.Cancel(t.Context(), h.actor, waiting.ID); err != nil {
			t.Fatal(err)
		}
		h.want(waiting.ID, grove.Cancelled)
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		if _, err := h.queue.ClearPlate(t.Context(), h.actor, serial); err != nil {
			t.Fatal(err)
		}
		running := h.submit()
		h.m.prints("RUNNING")
		if _, err := h.queue.Cancel(t.Context(), h.actor, running.ID); err != nil {
			t.Fatal(err)
		}
		h.want(running.ID, grove.Running) // until the printer says so
		h.m.becomes(map[string]any{"gcode_state": "FAILED", "print_error": 50348044})
		h.want(running.ID, grove.Cancelled)
		if _, err := h.queue.Cancel(t.Context(), h.actor, running.ID); grove.AsError(err).Code != grove.Conflict {
			t.Errorf("cancelled twice: %v", err)
		}
		if n := h.m.started(); n != 1 {
			t.Errorf("%d starts", n)
		}
	})
}

func TestAPrintAtTheScreenHasNoJob(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		for _, s := range []string{"PREPARE", "RUNNING", "PAUSE", "RUNNING", "FAILED"} {
			h.m.becomes(map[string]any{"gcode_state": s, "subtask_name": "benchy", "print_error": map[bool]int{true: 50364420}[s == "FAILED"]})
		}
		list, err := h.db.Events(t.Context(), h.actor.UserID, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var told []string
		for _, e := range list {
			if e.Type == grove.PrintStarted || e.Type == grove.PrintFailed || e.Type == grove.PrinterError {
				told = append(told, fmt.Sprintf("%s %s %s", e.Type, e.Data.JobID, e.Data.FileName))
			}
		}
		want := []string{"print.started  benchy", "print.failed  benchy", "printer.error  benchy"}
		if !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	})
}

func TestWhatCanNotBePrintedIsRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	h := &house{t: t, db: storetest.SQLite(t), sick: new(trouble)}
	u, err := h.db.CreateUser(t.Context(), grove.User{Email: "a@example.org", Role: grove.Owner})
	if err != nil {
		t.Fatal(err)
	}
	h.actor = grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
	h.open()
	if _, err := h.fleet.Bind(t.Context(), h.actor, fleet.Binding{Serial: serial, Model: "P1S"}); err != nil {
		t.Fatal(err)
	}
	plate := grove.Plate{Index: 2}
	for _, c := range []struct {
		name, why string
		file      grove.File
		plate     int
	}{
		{"not sliced", "slice", grove.File{Name: "a.stl"}, 0},
		{"unreadable", "damaged zip", grove.File{Name: "a.3mf", Problem: "damaged zip"}, 0},
		{"no such plate", "plate 1", grove.File{Printable: true, Plates: []grove.Plate{plate}}, 1},
		{"for another model", "X1 Carbon", grove.File{Printable: true, Model: "BL-P001", Plates: []grove.Plate{plate}}, 0},
		{"nozzle too hot", "350", grove.File{Printable: true, Plates: []grove.Plate{{Index: 1, MaxNozzle: 350}}}, 0},
		{"bed too hot", "110", grove.File{Printable: true, Plates: []grove.Plate{{Index: 1, MaxBed: 110}}}, 0},
		{"chamber too hot", "61", grove.File{Printable: true, Plates: []grove.Plate{{Index: 1, MaxChamber: 61}}}, 0},
	} {
		h.queue.Files = shelf{&c.file, nil, h.sick}
		_, err := h.queue.Submit(t.Context(), h.actor, queue.Submission{Serial: serial, FileID: "f", Plate: c.plate})
		if !grove.HasReason(err, grove.ReasonPrintFailed) || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: got %v, want a refusal that says %q", c.name, err, c.why)
		}
	}
}

func TestAPrinterOfUnknownModelBearsWhatAllDo(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		const other = "99X00A000000001"
		if _, err := h.fleet.Bind(t.Context(), h.actor, fleet.Binding{Serial: other}); err != nil {
			t.Fatal(err)
		}
		for nozzle, want := range map[int]string{300: grove.ReasonPrinterOffline, 301: grove.ReasonPrintFailed} {
			h.queue.Files = shelf{&grove.File{Printable: true, Plates: []grove.Plate{{Index: 1, MaxNozzle: nozzle}}}, nil, h.sick}
			if _, err := h.queue.Submit(t.Context(), h.actor, queue.Submission{Serial: other, FileID: "f"}); !grove.HasReason(err, want) {
				t.Errorf("a file that heats to %d °C: %v, want %s", nozzle, err, want)
			}
		}
	})
}

func TestACommandThatStartsBecomesAJob(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		requests, err := bambu.ParseRequests([]byte(`{"print":{"command":"project_file","param":"Metadata/plate_1.gcode","url":"ftp://cube.gcode.3mf","subtask_name":"cube"}}`))
		if err != nil {
			t.Fatal(err)
		}
		wish, err := bambu.ParseStart(requests[0])
		if err != nil {
			t.Fatal(err)
		}
		j, err := h.queue.Wish(t.Context(), h.actor, serial, wish)
		if err != nil || j.Mode != "command" || j.Plate != 1 {
			t.Errorf("%+v %v", j, err)
		}
	})
}

func TestAPrinterThatChangedHandsPrintsNothingForItsFormerOwner(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		p, err := h.db.Printer(t.Context(), serial)
		if err != nil {
			t.Fatal(err)
		}
		u, err := h.db.CreateUser(t.Context(), grove.User{Email: "b@example.org", Role: grove.Operator})
		if err != nil {
			t.Fatal(err)
		}
		if err := h.gate.Rights.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		next := grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
		if _, err := h.fleet.Bind(t.Context(), next, fleet.Binding{Serial: serial, Code: string(p.AccessCode)}); err != nil {
			t.Fatal(err)
		}
		h.m.becomes(map[string]any{"gcode_state": "IDLE"})
		pass(5 * time.Minute)
		h.want(j.ID, grove.Failed)
		if h.m.started() != 0 {
			t.Error("the former owner's job was started")
		}
	})
}

func TestAPrinterIsNotGivenUpWhileAJobHoldsIt(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.m.prints("RUNNING")
		if err := h.fleet.Unbind(t.Context(), h.actor, serial); grove.AsError(err).Code != grove.Conflict {
			t.Fatalf("unbound during a print: %v", err)
		}
		h.m.prints("FINISH")
		h.want(j.ID, grove.Finished)
		if err := h.fleet.Unbind(t.Context(), h.actor, serial); err != nil {
			t.Error(err)
		}
	})
}
