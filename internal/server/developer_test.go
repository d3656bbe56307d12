package server

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/sim"
)

const wayOut = "switch Developer Mode on"

// Both kinds of printer: a P2S says it itself, a P1S in its first answer.
func TestWithoutDeveloperModeAPrinterIsWatchedAndNotControlled(t *testing.T) {
	t.Parallel()
	for model, says := range map[string]grove.DeveloperMode{"P2S": grove.DeveloperOff, "P1S": grove.DeveloperUnknown} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "starts")
			starts, err := sim.OpenLedger(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = starts.Close() })
			h := owned(t, lanConfig(t))
			p := h.onLAN(func(c *sim.Config) { c.Model, c.Serial, c.Ledger = model, bench, starts })
			wrong(t, p, func(f *sim.Faults) { f.SignatureRequired = true })
			in := request(p)
			in.FTPS = p.Ports().FTPS
			bound, err := h.client.AddPrinter(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			verdict := map[grove.DeveloperMode]string{grove.DeveloperOff: "failed", grove.DeveloperUnknown: "unknown"}[says]
			if got := verdicts(bound.Test); !strings.Contains(got, "developer_mode "+verdict) {
				t.Errorf("the test says %s", got)
			}
			h.connected(bench)
			h.developerIs(says)

			reports, publish := h.both(bench)
			heat := `{"print":{"command":"set_nozzle_temp","param":"220","sequence_id":"77"}}`
			publish(heat)
			again := time.NewTicker(5 * time.Second) // what is sent while the link is made anew is not kept
			defer again.Stop()
			for told := false; !told; {
				select {
				case <-again.C:
					publish(heat)
				case r := <-reports:
					told = strings.Contains(r, `"sequence_id":"77"`)
					for _, want := range []string{`"err_code":84033543`, "mqtt message verify failed", wayOut} {
						if told && !strings.Contains(r, want) {
							t.Errorf("the asker reads %s without %s", r, want)
						}
					}
				}
			}
			r, err := h.client.Command(t.Context(), bench, []byte(`{"print":{"command":"pause"}}`))
			if err != nil || r.Outcome != grove.CommandRejected || !strings.Contains(r.Reason, "verify failed") || !strings.Contains(r.Reason, wayOut) {
				t.Errorf("over HTTP: %+v %v", r, err)
			}
			h.developerIs(grove.DeveloperOff)

			id := h.print(h.uploadFor(bound.Printer.Model, 0).FileID)
			until(t, "the job says why it waits", func() bool {
				j, err := h.client.Job(t.Context(), id)
				return err == nil && j.State == grove.Queued && strings.Contains(j.Why, wayOut)
			})
			if starts := ledger(t, path); len(starts) > 0 {
				t.Errorf("it was started: %+v", starts)
			}
			if files := h.brought(); len(files) > 0 {
				t.Errorf("files were brought: %+v", files)
			}

			wrong(t, p, func(f *sim.Faults) { f.SignatureRequired = false })
			h.command(t, bench, map[string]any{"command": "print_speed", "param": "2"})
			if _, err := h.client.Command(t.Context(), bench, []byte(`{"pushing":{"command":"pushall"}}`)); err != nil {
				t.Fatal(err)
			}
			until(t, "it is known to be on", func() bool { return h.developerMode() == grove.DeveloperOn })
		})
	}
}

func (h *house) developerMode() grove.DeveloperMode {
	h.t.Helper()
	live, err := h.client.Printer(h.t.Context(), bench)
	if err != nil {
		h.t.Fatal(err)
	}
	return live.DeveloperMode
}

func (h *house) developerIs(want grove.DeveloperMode) {
	h.t.Helper()
	if got := h.developerMode(); got != want {
		h.t.Errorf("Developer Mode is %q, want %q", got, want)
	}
}
