package server

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/queue"
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
		"bound anew during a print": func(t *testing.T, h *house) {
			t.Helper()
			p1s := allToys()[1].serial
			h.demoPrints(p1s)
			if _, err := h.server.fleet.Bind(t.Context(), h.demoOwner(), fleet.Binding{Serial: p1s}); err != nil {
				t.Fatal(err)
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

// Each printer of the demo has a file that fits it as it stands, and what was deleted of
// them stays so.
func TestTheDemoHasAFileForEachOfItsPrinters(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Demo = true
	h := start(t, c)
	files, err := h.server.library.Files(t.Context(), h.demoOwner(), library.Query{}, grove.Page{Limit: 10})
	if err != nil || len(files.Items) != len(allToys()) {
		t.Fatalf("%d files, %v", len(files.Items), err)
	}
	suited := map[string]bool{}
	for _, f := range files.Items {
		until(t, f.Name+" fits a printer", func() bool {
			fits, err := h.server.queue.Preview(t.Context(), h.demoOwner(), queue.Submission{FileID: f.ID, Options: grove.Options{UseAMS: true}})
			for _, fit := range fits {
				lasting := slices.ContainsFunc(fit.Misfits, func(m grove.Misfit) bool { return m.Lasting })
				if !lasting && len(fit.Filaments) == 1 && fit.Filaments[0].Match == grove.ColorSame {
					suited[fit.Serial] = true
					return true
				}
			}
			return err != nil
		})
	}
	if len(suited) != len(allToys()) {
		t.Errorf("only %v have a file", suited)
	}
	if err := h.server.library.Delete(t.Context(), h.demoOwner(), files.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	h.stop()
	again := start(t, c)
	files, err = again.server.library.Files(t.Context(), again.demoOwner(), library.Query{}, grove.Page{Limit: 10})
	if err != nil || len(files.Items) != len(allToys())-1 {
		t.Errorf("after one was deleted and a restart there are %d, %v", len(files.Items), err)
	}
}

// A demo that was cut off as it began has what it lacks at the next start, and nothing twice.
func TestADemoThatWasCutOffIsStockedWhenItStartsAgain(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Demo = true
	before := start(t, c)
	files, err := before.server.library.Files(t.Context(), before.demoOwner(), library.Query{}, grove.Page{Limit: 10})
	if err != nil || len(files.Items) == 0 {
		t.Fatal(err)
	}
	if err := before.server.library.Delete(t.Context(), before.demoOwner(), files.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	before.stop()
	if err := os.RemoveAll(filepath.Join(before.info.Data, "demo-stocked")); err != nil { // as if it had got no further
		t.Fatal(err)
	}
	h := start(t, c)
	files, err = h.server.library.Files(t.Context(), h.demoOwner(), library.Query{}, grove.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range files.Items {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	if len(names) != len(allToys()) || len(slices.Compact(names)) != len(allToys()) {
		t.Errorf("it has %q", names)
	}
}

// demoPrints has a printer of the demo print the file that is there for it.
func (h *house) demoPrints(serial string) {
	h.t.Helper()
	h.connected(serial)
	files, err := h.server.library.Files(h.t.Context(), h.demoOwner(), library.Query{}, grove.Page{Limit: 10})
	if err != nil {
		h.t.Fatal(err)
	}
	if !slices.ContainsFunc(files.Items, func(f grove.File) bool {
		_, err := h.server.queue.Submit(h.t.Context(), h.demoOwner(), queue.Submission{Serial: serial, FileID: f.ID})
		return err == nil
	}) {
		h.t.Fatalf("none of %d files is for %s", len(files.Items), serial)
	}
	until(h.t, "it prints", func() bool {
		p, err := h.server.db.Printer(h.t.Context(), serial)
		return err == nil && p.GcodeState == "RUNNING"
	})
}

func (h *house) demoOwner() grove.Actor {
	h.t.Helper()
	u, err := h.server.db.UserByEmail(h.t.Context(), DemoEmail)
	if err != nil {
		h.t.Fatal(err)
	}
	return grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
}
