package queue_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
)

// Who asks for a part wants one that they can hold.
func TestASimulatedPrinterTakesNoJobOfAnyPrinterUnlessItIsNamed(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.m.becomes(map[string]any{"gcode_state": "RUNNING"})
		toy := h.more(hall, "Hall", "P1S")
		h.toys = []string{hall}
		j := h.make(wish(grove.Criteria{}), 1)[0]
		pass(time.Minute)
		if got := h.job(j.ID); got.State != grove.Queued || got.Serial != "" || toy.started() != 0 {
			t.Errorf("%s on %q, started %d", got.State, got.Serial, toy.started())
		}
		f := h.fits(j.ID)
		if there := f[hall]; reasons(there) != "simulated" || !there.Misfits[0].Lasting || !strings.Contains(there.Misfits[0].Message, "Hall is simulated") {
			t.Errorf("fit: %+v", there)
		}
		if r := reasons(f[serial]); strings.Contains(r, "simulated") {
			t.Errorf("fit of the real one: %s", r)
		}
		if _, err := h.queue.Submit(t.Context(), h.actor, wish(grove.Criteria{Models: []string{"X1C"}})); !grove.HasReason(err, grove.ReasonPrintFailed) {
			t.Errorf("a wish that none can fulfil: %v", err)
		}
		named := h.make(wish(grove.Criteria{Printers: []string{hall}}), 1)[0]
		h.want(named.ID, grove.Accepted)
		if got := h.job(named.ID); got.Serial != hall {
			t.Errorf("printed on %q", got.Serial)
		}
	})
}

func TestWhereAllPrintersAreSimulatedTheyTakeJobs(t *testing.T) {
	live(t, func(_ *testing.T, h *house) {
		h.more(hall, "Hall", "P1S")
		h.toys = []string{serial, hall}
		for _, j := range h.make(wish(grove.Criteria{}), 2) {
			h.want(j.ID, grove.Accepted)
		}
	})
}

func TestAKeyForARealAndASimulatedPrinterNamesTheRealOne(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.more(hall, "Hall", "P1S")
		h.toys = []string{hall}
		for _, c := range []struct{ of, want []string }{
			{[]string{serial, hall}, []string{serial}},
			{[]string{hall}, []string{hall}}, // made for it
		} {
			key, _, err := h.gate.CreateKey(t.Context(), h.actor, access.KeyWish{Name: "hall", Scopes: grove.Scopes(), Printers: c.of})
			if err != nil {
				t.Fatal(err)
			}
			some := grove.Actor{Kind: grove.ActorKey, UserID: h.actor.UserID, SessionID: key.ID}
			j, err := h.queue.Submit(t.Context(), some, wish(grove.Criteria{}))
			if err != nil || !slices.Equal(j.Any.Printers, c.want) {
				t.Errorf("a key for %v: %+v, %v", c.of, j.Any, err)
			}
		}
	})
}
