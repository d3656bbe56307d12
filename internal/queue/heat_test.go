package queue_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// warm sets a temperature, and the machine says that it has it.
func (h *house) warm(t *testing.T, command, target string) {
	t.Helper()
	if _, err := h.fleet.Command(t.Context(), h.actor, serial, []byte(command)); err != nil {
		t.Fatal(err)
	}
	h.m.becomes(map[string]any{target: 60})
}

const warmBed = `{"print":{"command":"set_bed_temp","param":60}}`

func TestHeatWithoutAPrintIsSwitchedOff(t *testing.T) {
	for command, target := range map[string]string{
		warmBed: "bed_target_temper",
		`{"print":{"command":"set_nozzle_temp","param":"60"}}`:                "nozzle_target_temper",
		`{"print":{"command":"gcode_line","param":"G28\nM140 S60\nG1 X1\n"}}`: "bed_target_temper",
	} {
		live(t, func(t *testing.T, h *house) {
			h.m.report["bed_target_temper"], h.m.report["nozzle_target_temper"] = 0, 0
			h.warm(t, command, target)
			pass(12 * time.Minute)
			if got := strings.Join(h.events(), " "); strings.Contains(got, "heat") {
				t.Errorf("told too soon: %s", got)
			}
			pass(2 * time.Minute)
			if got := strings.Join(h.events(), " "); !strings.HasSuffix(got, "printer.heat_ending notification.created") {
				t.Errorf("not told before it happens: %s", got)
			}
			if n := len(h.m.cooled()); n != 0 {
				t.Errorf("%s switched off after 14 min", command)
			}
			pass(2 * time.Minute)
			n := len(h.m.cooled())
			if n < 2 {
				t.Errorf("%s: switching off was tried %d times although the printer still heats", command, n)
			}
			h.m.becomes(map[string]any{target: 0})
			pass(time.Minute)
			if len(h.m.cooled()) != n {
				t.Error("switched off again although it is off")
			}
			if p, err := h.db.Printer(t.Context(), serial); err != nil || !p.HeatUntil.IsZero() || !strings.HasSuffix(strings.Join(h.events(), " "), "printer.heat_off") {
				t.Errorf("until %v, %v, events %v", p.HeatUntil, err, h.events())
			}
		})
	}
}

func TestHeatIsLeftToAPrint(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.warm(t, warmBed, "bed_target_temper")
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		pass(time.Hour)
		if n := h.m.cooled(); len(n) != 0 {
			t.Fatalf("a print's heat was switched off: %v", n)
		}
		h.m.becomes(map[string]any{"gcode_state": "FINISH"})
		pass(time.Minute)
		if len(h.m.cooled()) == 0 {
			t.Error("the print is over and the bed stays hot")
		}
	})
}

func TestHeatAskedForAnewStaysOn(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.warm(t, warmBed, "bed_target_temper")
		pass(10 * time.Minute)
		h.warm(t, warmBed, "bed_target_temper")
		pass(10 * time.Minute)
		if len(h.m.cooled()) != 0 {
			t.Error("switched off 10 minutes after it was asked for")
		}
		if _, err := h.fleet.Command(t.Context(), h.actor, serial, []byte(`{"print":{"command":"set_bed_temp","param":0}}`)); err != nil {
			t.Fatal(err)
		}
	})
}

// Whoever heats and then loses the server or the wifi does not leave it hot.
func TestHeatIsSwitchedOffAfterARestartAndAnAbsence(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.warm(t, warmBed, "bed_target_temper")
		h.leave("wifi")
		h.stop()
		pass(time.Hour)
		h.open()
		h.run()
		pass(time.Minute)
		h.arrive()
		pass(2 * time.Second)
		if len(h.m.cooled()) == 0 {
			t.Error("an hour later the bed is still hot")
		}
	})
}

func TestHeatThatCanNotBeRememberedIsNotSwitchedOn(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.sick.printers.Store(true)
		_, err := h.fleet.Command(t.Context(), h.actor, serial, []byte(warmBed))
		if grove.AsError(err).Code != grove.Unavailable || len(h.m.gcodes()) != 0 {
			t.Errorf("%v; the printer heard %v", err, h.m.gcodes())
		}
		h.sick.printers.Store(false)
		synctest.Wait()
	})
}
