package queue_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// acts are the entries that contain a word, oldest first, as actor and action.
func (h *house) acts(word string) (acts []string) {
	h.t.Helper()
	list, err := h.db.Audit(h.t.Context(), 0, grove.Page{})
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range slices.Backward(list.Items) {
		if strings.Contains(e.Detail, word) {
			acts = append(acts, e.Actor+" "+e.Action)
		}
	}
	return acts
}

func wants(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("the audit log has %q, want %q", got, want)
	}
}

func TestAStartIsTheSystemsOwnActAndInTheAuditLog(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		j := h.submit()
		h.want(j.ID, grove.Accepted)
		ann := h.actor.String()
		wants(t, h.acts("job "+j.TaskID()), ann+" job.create", "system job.start", "system job.start_sent")
		wants(t, h.acts("(attempt "+h.job(j.ID).Attempt.Nonce+")"), "system job.start", "system job.start_sent")
	})
}

func TestAStartThatCannotBeWrittenDownLeavesNeitherAttemptNorEntry(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.sick.printers.Store(true)
		j := h.submit()
		pass(time.Minute)
		if h.m.started() != 0 || h.job(j.ID).Attempt != nil {
			t.Error("started without its row")
		}
		wants(t, h.acts("job "+j.TaskID()), h.actor.String()+" job.create")
	})
}

func TestWhatTheQueueEndsByItselfIsInTheAuditLog(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		late := h.submit()
		pass(2 * life)
		h.want(late.ID, grove.Expired)
		wants(t, h.acts("job "+late.TaskID()), h.actor.String()+" job.create", "system job.expire")
	})
	live(t, func(t *testing.T, h *house) {
		h.m.mute = true
		j := h.submit()
		h.leave("wifi")
		pass(6 * time.Minute)
		h.want(j.ID, grove.Unknown)
		wants(t, h.acts("job "+j.TaskID()), h.actor.String()+" job.create", "system job.start", "system job.start_sent", "system job.doubt")
		if _, err := h.queue.Resolve(t.Context(), h.actor, j.ID, grove.Failed); err != nil {
			t.Fatal(err)
		}
		wants(t, h.acts("as failed"), h.actor.String()+" job.resolve")
	})
}

func TestAStartThatACrashCutShortIsInTheAuditLogAsUnsure(t *testing.T) {
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
		wants(t, h.acts("job "+j.TaskID()), h.actor.String()+" job.create", "system job.start", "system job.start_sent", "system job.start_unsure")
	})
}

func TestHeatThatIsSwitchedOffIsInTheAuditLog(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.warm(t, warmBed, "bed_target_temper")
		pass(14 * time.Minute)
		wants(t, h.acts(`set_bed_temp "0"`))
		pass(90 * time.Second)
		h.m.becomes(map[string]any{"bed_target_temper": 0})
		synctest.Wait()
		entries := h.acts("temp \"0\"")
		if n := len(h.m.cooled()); n == 0 || len(entries) != 2*n {
			t.Fatalf("%d entries of %d commands: %q", len(entries), n, entries)
		}
		if first := entries[:2]; first[0] != "system printer.command" || first[1] != "system printer.command_sent" {
			t.Errorf("got %q", first)
		}
	})
}

func TestACancelThatCannotBeStoredIsNoAct(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		j := h.submit()
		h.sick.jobIn.Store(1)
		if _, err := h.queue.Cancel(t.Context(), h.actor, j.ID); err == nil {
			t.Fatal("cancelled without a database")
		}
		wants(t, h.acts("job "+j.TaskID()), h.actor.String()+" job.create")
	})
}
