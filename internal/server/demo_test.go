package server

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
)

// What happens to the demo's printers in between, they are all there again after
// a restart, and what confirms its plate by itself still does.
func TestTheDemoFindsItsPrintersAgain(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(t *testing.T, h *house){
		"nothing": func(*testing.T, *house) {},
		"bound anew": func(t *testing.T, h *house) {
			t.Helper()
			for _, p := range allToys() {
				if _, err := h.server.fleet.Bind(t.Context(), h.demoOwner(), fleet.Binding{Serial: p.serial}); err != nil {
					t.Fatal(err)
				}
			}
		},
		"given up": func(t *testing.T, h *house) {
			t.Helper()
			if err := h.server.fleet.Unbind(t.Context(), h.demoOwner(), allToys()[1].serial); err != nil {
				t.Fatal(err)
			}
		},
		"secrets lost": func(t *testing.T, h *house) {
			t.Helper()
			if err := os.Remove(filepath.Join(h.info.Data, "simulated-printers.json")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t)
			c.Demo = true
			h := start(t, c)
			disturb(t, h)
			h.stop()
			again := start(t, c)
			for _, p := range allToys() {
				again.connected(p.serial)
				if live, err := again.server.fleet.Now(p.serial); err != nil || live.AutoClear != p.autoClear {
					t.Errorf("%s confirms its plate by itself: %v, want %v %v", p.serial, live.AutoClear, p.autoClear, err)
				}
			}
		})
	}
}

func (h *house) demoOwner() grove.Actor {
	h.t.Helper()
	u, err := h.server.db.UserByEmail(h.t.Context(), DemoEmail)
	if err != nil {
		h.t.Fatal(err)
	}
	return grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
}
