package fleet_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove/internal/fleet"
)

func TestAFullReportIsAnsweredFromWhatIsKnown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	p := &printer{}
	h.Attach(serial, p)
	if got := strings.Join(p.commands(), " "); got != "get_version pushall" {
		t.Errorf("greeted with %q", got)
	}
	h.Observe(serial, []byte(idle))
	asked := 0
	var replies []string
	for range 5 {
		h.Request(t.Context(), h.actor, serial, []byte(`{"pushing":{"command":"pushall","sequence_id":"9"}}`), func(b []byte) { replies = append(replies, string(b)) })
	}
	for _, c := range p.commands() {
		if c == "pushall" {
			asked++
		}
	}
	if asked != 1 { // by the server's own greeting
		t.Errorf("the printer was asked %d times", asked)
	}
	if len(replies) != 5 || !strings.Contains(replies[0], `"grove_reported_at":"`) || !strings.Contains(replies[0], "unknown_key") || !strings.Contains(replies[0], "25.5") {
		t.Errorf("%d replies, first %v", len(replies), replies)
	}
}

func TestHowOftenAPrinterIsAskedForEverythingGoesByItsModel(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]string{"P1S": "no yes no", "X1C": "yes yes no"} {
		synctest.Test(t, func(t *testing.T) {
			h := newHouse(t)
			p := &printer{}
			if _, err := h.Bind(t.Context(), h.actor, fleet.Binding{Serial: serial, Model: model}); err != nil {
				t.Fatal(err)
			}
			defer h.Attach(serial, p)("end")
			h.Observe(serial, []byte(idle))
			asked := func() string {
				before := len(p.commands())
				h.Request(t.Context(), h.actor, serial, []byte(`{"pushing":{"command":"pushall"}}`), func([]byte) {})
				if slices.Contains(p.commands()[before:], "pushall") {
					return "yes"
				}
				return "no"
			}
			<-time.After(4 * time.Second)
			got := asked() // 4 s after the greeting
			for range 6 {
				<-time.After(50 * time.Second)
				h.Observe(serial, []byte(`{"print":{"command":"push_status","msg":1,"wifi_signal":"-40dBm"}}`))
			}
			got += " " + asked() // after 5 min in which it reported what changed
			got += " " + asked() // at once again
			if got != want {
				t.Errorf("%s: asked %s, want %s", model, got, want)
			}
			<-time.After(61 * time.Second)
			if asked() != "yes" {
				t.Errorf("%s is not asked though nothing was heard of it for a minute", model)
			}
		})
	}
}
