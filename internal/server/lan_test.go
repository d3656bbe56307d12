package server

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/bridge"
	"github.com/grovecloud/grove/internal/sim"
)

const lanCode = "12345678"

// maker makes all printers of these tests, since each key takes long.
var maker = sim.NewMaker("")

// lanConfig is a cloud whose bridge loses no time.
func lanConfig(t testing.TB) Config {
	t.Helper()
	c := testConfig(t)
	c.silence = 300 * time.Millisecond
	c.lan = bridge.Config{
		Ping: 100 * time.Millisecond, Silence: 2 * time.Second, Retry: 50 * time.Millisecond, LongestRetry: 100 * time.Millisecond,
	}
	return c
}

// onLAN is a printer on the network, which here is this machine.
func (h *house) onLAN(change ...func(*sim.Config)) *sim.Printer {
	h.t.Helper()
	c := sim.Config{
		Serial: bench, Model: "P1S", HTTP: web, Speed: 600, Tick: 20 * time.Millisecond, Seed: 1, Log: slog.New(slog.DiscardHandler),
		LAN: &sim.LAN{AccessCode: lanCode, Maker: maker},
	}
	for _, f := range change {
		f(&c)
	}
	return h.live(c)
}

func request(p *sim.Printer) cloudapi.LANRequest {
	at := p.Ports()
	return cloudapi.LANRequest{Host: at.Host, LANPorts: cloudapi.LANPorts{MQTTS: at.MQTTS}, AccessCode: lanCode, PlateClear: true}
}

func (h *house) add(p *sim.Printer) cloudapi.LANBound {
	h.t.Helper()
	bound, err := h.client.AddPrinter(h.t.Context(), request(p))
	if err != nil {
		h.t.Fatal(err)
	}
	return bound
}

// verdicts are those of a test, in the order of its steps.
func verdicts(t grove.LANTest) string {
	var all []string
	for _, f := range t.Findings {
		all = append(all, string(f.Step)+" "+string(f.Verdict))
	}
	return strings.Join(all, ", ")
}

func TestAPrinterAddedByItsAddressIsOnlineAndCommanded(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	bound := h.add(p)
	if bound.Printer.Serial != bench || bound.Printer.Model != "C12" || bound.Printer.LAN == nil || bound.Printer.LAN.Pin == "" {
		t.Errorf("added %+v", bound.Printer)
	}
	if got, want := verdicts(bound.Test), "reachable ok, tls ok, serial ok, access_code ok, publishing ok, developer_mode unknown, storage ok"; got != want {
		t.Errorf("the test says %s, want %s", got, want)
	}
	h.connected(bench)
	reports, publish := h.both(bench)
	publish(`{"print":{"command":"pause","sequence_id":"77"}}`)
	within := time.After(20 * time.Second)
	for answered := false; !answered; {
		select {
		case r := <-reports:
			answered = strings.Contains(r, `"pause"`) && strings.Contains(r, `"77"`)
		case <-within:
			t.Fatal("the printer's answer did not come back under the asker's number")
		}
	}
	r, err := h.client.Command(t.Context(), bench, []byte(`{"print":{"command":"set_bed_temp","param":"50"}}`))
	if err != nil || r.Outcome == grove.CommandRejected {
		t.Errorf("command: %+v %v", r, err)
	}
	until(t, "the bed is told to heat", func() bool {
		live, err := h.server.fleet.Now(bench)
		return err == nil && live.Shadow.BedTargetCelsius == 50
	})

	doctor, err := h.client.TestPrinter(t.Context(), bench)
	if got, want := verdicts(doctor), "reachable ok, tls ok, serial ok, access_code ok, publishing ok, developer_mode unknown, storage ok"; err != nil || got != want {
		t.Errorf("the doctor says %s, want %s (%v)", got, want, err)
	}
	if err := h.client.Unbind(t.Context(), bench); err != nil {
		t.Fatal(err)
	}
	until(t, "the link has ended", func() bool { return h.links() == 0 })
	_, err = h.client.TestPrinter(t.Context(), bench)
	if !errors.Is(err, grove.NotFound) {
		t.Errorf("after it was unbound: %v", err)
	}
}

// links is how many printers are connected over the network.
func (h *house) links() int { return int(h.figure("grove_bridge_links")) }

// figure reads one of the server's figures.
func (h *house) figure(name string) float64 {
	h.t.Helper()
	families, err := h.server.registry.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return sum
}
