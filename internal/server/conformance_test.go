package server

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/conformance"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/sim"
)

var update = flag.Bool("update", false, "rewrite the documents that are made by running")

const compatibilityPage = "../../docs/compatibility.md"

// tidyPrinter is a printer whose plate is cleared after each print.
func (h *house) tidyPrinter() {
	h.t.Helper()
	who, err := h.client.Preference(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	owner := grove.Actor{Kind: grove.ActorUser, UserID: who.UID}
	b, err := h.server.fleet.Bind(h.t.Context(), owner, fleet.Binding{Serial: bench, Name: "Bench P1S", Model: "C12", AutoClear: true})
	if err != nil {
		h.t.Fatal(err)
	}
	h.live(sim.Config{
		Serial: bench, Model: "P1S", Secret: b.DeviceSecret, Broker: h.info.MQTTS, TLS: h.server.ca.clientTLS(), HTTP: web,
		Speed: 60, Tick: 50 * time.Millisecond, Seed: 1, Retry: 50 * time.Millisecond, AutoClearPlate: time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	h.connected(bench)
}

// Every known client of the vendor's cloud is played against this one, on both
// databases, prints included. The page that tells people what works is what a run
// finds, so it can't claim more.
func TestThePageOfCompatibilityIsWhatARunFinds(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		h.tidyPrinter()
		ca, err := os.ReadFile(h.info.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		r, err := conformance.Run(t.Context(), conformance.Config{
			URL: h.info.HTTP, Account: ownerEmail, Password: ownerPassword, MQTT: h.info.MQTTS, CA: ca, Print: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		var page, table bytes.Buffer
		if err := r.Markdown(&page); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(compatibilityPage, page.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		want, err := os.ReadFile(compatibilityPage)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), page.String()); diff != "" {
			_ = r.Table(&table)
			t.Errorf("docs/compatibility.md is not what this run found (go test ./internal/server -run Compatibility -update rewrites it):\n%s\n%s", diff, table.String())
		}
	})
}
