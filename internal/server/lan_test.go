package server

import (
	"errors"
	"log/slog"
	"net"
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

func (h *house) doctor() grove.LANTest {
	h.t.Helper()
	test, err := h.client.TestPrinter(h.t.Context(), bench)
	if err != nil {
		h.t.Fatal(err)
	}
	return test
}

// wrong lets something go wrong with a printer.
func wrong(t testing.TB, p *sim.Printer, change func(*sim.Faults)) {
	t.Helper()
	if err := p.ChangeFaults(func(f *sim.Faults) error { change(f); return nil }); err != nil {
		t.Fatal(err)
	}
}

func (h *house) shownLive() grove.Live {
	h.t.Helper()
	live, err := h.client.Printer(h.t.Context(), bench)
	if err != nil {
		h.t.Fatal(err)
	}
	return live
}

func TestAPrinterThatIsNotWhatWasSaidIsNotAdded(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	nobody := h.onLAN(func(c *sim.Config) { c.Serial = "01P00A000000002" }).Ports()
	for name, c := range map[string]struct {
		change       func(*cloudapi.LANRequest)
		code         grove.Code
		reason, says string
	}{
		"wrong code":    {func(r *cloudapi.LANRequest) { r.AccessCode = "87654321" }, grove.Conflict, "access_code_refused", "read it again on the printer's screen"},
		"wrong serial":  {func(r *cloudapi.LANRequest) { r.Serial = "01P00A000000009" }, grove.Conflict, "wrong_printer", "says that its serial is"},
		"another":       {func(r *cloudapi.LANRequest) { r.Serial, r.MQTTS = bench, nobody.MQTTS }, grove.Conflict, "wrong_printer", "01P00A000000002"},
		"nobody":        {func(r *cloudapi.LANRequest) { r.MQTTS = closedPort(t) }, grove.Conflict, "printer_unreachable", "nothing listens on that port"},
		"public":        {func(r *cloudapi.LANRequest) { r.Host = "192.0.2.1" }, grove.Conflict, "address_not_allowed", "--lan-networks"},
		"no code":       {func(r *cloudapi.LANRequest) { r.AccessCode = "" }, grove.Invalid, "no_access_code", "screen"},
		"a URL":         {func(r *cloudapi.LANRequest) { r.Host = "https://printer" }, grove.Invalid, "bad_host", "without a port"},
		"blind":         {func(r *cloudapi.LANRequest) { r.Force = true }, grove.Invalid, "no_serial", "serial"},
		"unknown model": {func(r *cloudapi.LANRequest) { r.Model = "Z9" }, grove.Invalid, "bad_model", "Z9"},
	} {
		in := request(p)
		c.change(&in)
		_, err := h.client.AddPrinter(t.Context(), in)
		if !errors.Is(err, c.code) || !strings.Contains(err.Error(), c.says) || !grove.HasReason(err, c.reason) {
			t.Errorf("%s: %v, want %s %s with %q", name, err, c.code, c.reason, c.says)
		}
		if err != nil && strings.Contains(err.Error(), string(in.AccessCode)) && in.AccessCode != "" {
			t.Errorf("%s: the code is told: %v", name, err)
		}
	}
	list, err := h.client.Printers(t.Context(), grove.Page{})
	if err != nil || list.Total != 0 {
		t.Errorf("something was kept: %+v %v", list.Items, err)
	}
}

// closedPort is one on which nobody listens.
func closedPort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestOnePrinterHasOneConnectionWhoeverWatches(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		c.silence, c.lan = lanConfig(t).silence, lanConfig(t).lan
		h := owned(t, c)
		p := h.onLAN()
		h.add(p)
		h.connected(bench)
		reports := h.subscribe(bench)
		for range 5 {
			h.doctor()
		}
		select {
		case <-reports:
		case <-time.After(20 * time.Second):
			t.Fatal("a client hears nothing")
		}
		if n := p.Clients(); n != 1 {
			t.Errorf("the printer has %d MQTT clients", n)
		}
		// To try it with another code is to connect; not beside the link that is there.
		if _, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{AccessCode: "87654321"}); !grove.HasReason(err, "access_code_refused") {
			t.Errorf("paired with a wrong code: %v", err)
		}
		h.connected(bench)
		if n := p.Clients(); n != 1 {
			t.Errorf("the printer has %d MQTT clients after it was tried", n)
		}
		said := h.figure("grove_bridge_messages_out_total")
		if again := h.add(p); again.Printer.Serial != bench {
			t.Errorf("added again: %+v", again)
		}
		// Both the try and the connection that follows it ask two things.
		until(t, "a new connection has greeted the printer", func() bool { return h.figure("grove_bridge_messages_out_total") >= said+4 })
		h.connected(bench)
		until(t, "the connection from before it was added again is gone", func() bool { return p.Clients() == 1 })
		if _, err := h.client.Bind(t.Context(), bindRequest()); !grove.HasReason(err, "printer_on_lan") {
			t.Errorf("bound as one that dials in: %v", err)
		}
	})
}

func TestAnotherKeyIsQuarantinedUntilSomebodyPairs(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	pin := h.add(p).Printer.LAN.Pin
	h.connected(bench)
	wrong(t, p, func(f *sim.Faults) { f.Certificate = sim.OtherKey })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = true })
	until(t, "it is gone", func() bool { return h.links() == 0 })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = false })
	until(t, "it is in quarantine", func() bool { return h.shownLive().LAN.Quarantined() })
	l := h.shownLive().LAN
	if l.Pin != pin || l.StrangerPin == pin || l.QuarantineAt.IsZero() || h.shownLive().Connected {
		t.Errorf("quarantined as %+v", l)
	}
	_, err := h.client.Command(t.Context(), bench, []byte(`{"print":{"command":"pause"}}`))
	if !errors.Is(err, grove.Conflict) || !strings.Contains(err.Error(), "quarantine") || !strings.Contains(err.Error(), "grove printers pair "+bench) {
		t.Errorf("a command: %v", err)
	}
	notes, err := h.client.Notifications(t.Context(), true, grove.Page{})
	if err != nil || len(notes.Items) == 0 || notes.Items[0].Type != grove.PrinterQuarantined {
		t.Errorf("nobody was told: %+v %v", notes.Items, err)
	}
	// To move it, to add it again, or to give it another code is not to pair it.
	_, err = h.client.MovePrinter(t.Context(), bench, cloudapi.LANAddress{Host: "127.0.0.1", LANPorts: request(p).LANPorts})
	if !grove.HasReason(err, bridge.ReasonStranger) {
		t.Errorf("moved: %v", err)
	}
	in := request(p)
	if _, err = h.client.AddPrinter(t.Context(), in); !grove.HasReason(err, bridge.ReasonStranger) {
		t.Errorf("added again: %v", err)
	}
	if got, want := verdicts(h.doctor()), "reachable ok, tls ok, serial failed, access_code skipped, publishing skipped, developer_mode skipped, storage skipped"; got != want {
		t.Errorf("the doctor says %s, want %s", got, want)
	}
	if p.Clients() != 0 {
		t.Error("a stranger was signed in to")
	}
	if _, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{AccessCode: "12345678"}); !grove.HasReason(err, bridge.ReasonStranger) {
		t.Errorf("a code alone took a stranger's key: %v", err)
	}
	bound, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{NewKey: true})
	if err != nil || bound.Printer.LAN.Quarantined() || bound.Printer.LAN.Pin == pin {
		t.Fatalf("paired: %+v %v", bound.Printer.LAN, err)
	}
	h.connected(bench)
	audit, err := h.server.db.Audit(t.Context(), 0, grove.Page{})
	if err != nil || audit.Items[0].Action != "printer.pair" {
		t.Errorf("the audit log: %+v %v", audit.Items, err)
	}
}

func TestAnotherPrinterAtTheAddressIsNoQuarantine(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	h.add(p)
	h.connected(bench)
	wrong(t, p, func(f *sim.Faults) { f.Certificate = sim.OtherName; f.PowerOff = true })
	until(t, "it is gone", func() bool { return h.links() == 0 })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = false })
	until(t, "the trouble is told", func() bool { return strings.Contains(h.shownLive().Trouble, "says that its serial is") })
	if h.shownLive().LAN.Quarantined() {
		t.Error("it was quarantined")
	}
	wrong(t, p, func(f *sim.Faults) { f.Certificate = sim.OwnCertificate })
	h.connected(bench)
	if l := h.shownLive(); l.Trouble != "" {
		t.Errorf("the trouble stays: %s", l.Trouble)
	}
}

func TestAChangedAccessCodeIsNotTriedOften(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	h.add(p)
	h.connected(bench)
	if err := p.SetAccessCode("abcd1234"); err != nil {
		t.Fatal(err)
	}
	until(t, "the trouble is told", func() bool { return strings.Contains(h.shownLive().Trouble, "refuses the access code") })
	_, err := h.client.Command(t.Context(), bench, []byte(`{"print":{"command":"pause"}}`))
	if !errors.Is(err, grove.Conflict) || !strings.Contains(err.Error(), "refuses the access code") {
		t.Errorf("a command: %v", err)
	}
	failed := h.figure("grove_bridge_connects_failed_total")
	if got, want := verdicts(h.doctor()), "reachable ok, tls ok, serial ok, access_code failed, publishing skipped, developer_mode skipped, storage skipped"; got != want {
		t.Errorf("the doctor says %s, want %s", got, want)
	}
	until(t, "its line looked once after the test", func() bool { return h.figure("grove_bridge_connects_failed_total") == failed+1 })
	bound, err := h.client.PairPrinter(t.Context(), bench, cloudapi.LANPair{AccessCode: "abcd1234"})
	if err != nil || string(bound.Printer.AccessCode) != "" { // never in Grove's own shape
		t.Fatalf("paired: %+v %v", bound, err)
	}
	h.connected(bench)
	if got := h.figure("grove_bridge_connects_failed_total"); got > failed+2 {
		t.Errorf("it was tried %g times more", got-failed)
	}
}

func TestAPrinterThatFallsSilentIsAskedAndThenConnectedAnew(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	h.add(p)
	h.connected(bench)
	for stall, anew := range map[sim.Stall]bool{sim.StallUntilStart: false, sim.StallUntilReconnect: true} {
		failed := h.figure("grove_bridge_connects_failed_total")
		wrong(t, p, func(f *sim.Faults) { f.Stall = stall })
		stalled := time.Now().UTC()
		until(t, "it reports again after "+string(stall), func() bool {
			live, err := h.server.fleet.Now(bench)
			return err == nil && live.ReportedAt.After(stalled.Add(400*time.Millisecond))
		})
		if got := h.figure("grove_bridge_connects_failed_total") > failed; got != anew {
			t.Errorf("%s: connected anew %t, want %t", stall, got, anew)
		}
		h.connected(bench)
	}
}

func TestAPowerCutIsSeenAndOver(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	h.add(p)
	h.connected(bench)
	reports := h.subscribe(bench)
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = true })
	until(t, "it is offline", func() bool { return !h.shownLive().Online })
	wrong(t, p, func(f *sim.Faults) { f.PowerOff = false })
	h.connected(bench)
	until(t, "it is online", func() bool { return h.shownLive().Online })
	seen := ""
	for !strings.Contains(seen, "client.connected") {
		select {
		case r := <-reports:
			seen += r
		case <-time.After(20 * time.Second):
			t.Fatal("nobody was told that it is back")
		}
	}
	if !strings.Contains(seen, "client.disconnected") {
		t.Error("nobody was told that it left")
	}
}

func TestAPrinterOutlivesTheServer(t *testing.T) {
	t.Parallel()
	c, board := lanConfig(t), sim.NewMaker(t.TempDir())
	same := func(c *sim.Config) { c.LAN.Maker = board }
	h := owned(t, c)
	p := h.onLAN(same)
	h.add(p)
	h.connected(bench)
	h.stop()
	until(t, "the server has left", func() bool { return p.Clients() == 0 })
	h = owned(t, c)
	h.connected(bench)
	if p.Clients() != 1 {
		t.Errorf("%d clients", p.Clients())
	}
	moved := h.onLAN(same)
	// Two machines of one serial are one printer that moved, if the key is the same.
	_, err := h.client.MovePrinter(t.Context(), bench, cloudapi.LANAddress{Host: "127.0.0.1", LANPorts: request(moved).LANPorts})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "it is reached at its new place", func() bool { return moved.Clients() == 1 && p.Clients() == 0 })
}

func TestOnlyWhoRunsTheServerNamesAddresses(t *testing.T) {
	t.Parallel()
	h := owned(t, lanConfig(t))
	p := h.onLAN()
	h.add(p)
	if _, err := h.server.access.AddUser(t.Context(), "op@example.org", ownerPassword, "Op", grove.Operator); err != nil {
		t.Fatal(err)
	}
	op := h.newClient("")
	if _, err := op.Login(t.Context(), "op@example.org", ownerPassword); err != nil {
		t.Fatal(err)
	}
	if _, err := op.AddPrinter(t.Context(), request(p)); !errors.Is(err, grove.Forbidden) {
		t.Errorf("an operator added: %v", err)
	}
	if _, err := op.DiscoverPrinters(t.Context(), cloudapi.LANSearch{WaitSeconds: 1}); !errors.Is(err, grove.Forbidden) {
		t.Errorf("an operator searched: %v", err)
	}
	for name, call := range map[string]func() error{
		"test": func() error { _, err := op.TestPrinter(t.Context(), bench); return err },
		"pair": func() error { _, err := op.PairPrinter(t.Context(), bench, cloudapi.LANPair{}); return err },
	} {
		if err := call(); !errors.Is(err, grove.NotFound) {
			t.Errorf("an operator's %s of somebody else's printer: %v", name, err)
		}
	}
}

func TestPrintersOnTheNetworkAreFound(t *testing.T) {
	t.Parallel()
	p, err := sim.New(sim.Config{
		Serial: bench, Model: "P1S", Name: "Bench", Log: slog.New(slog.DiscardHandler),
		LAN: &sim.LAN{AccessCode: lanCode, Maker: maker, SSDP: &sim.SSDP{To: []string{"127.0.0.1:9"}, Listen: "127.0.0.1:0"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	c := lanConfig(t)
	plain, secure := p.BindPorts()
	c.lan.Find = bridge.Find{
		Ask: []string{p.SearchAddr()}, Ports: []int{}, Detect: plain, DetectTLS: secure, MQTTS: []int{p.Ports().MQTTS}, Glance: 5 * time.Second,
	}
	h := owned(t, c)
	h.plug(p)
	for _, bound := range []bool{false, true} {
		found, err := h.client.DiscoverPrinters(t.Context(), cloudapi.LANSearch{Subnet: "127.0.0.0/30", WaitSeconds: 1})
		if err != nil || len(found) != 1 || found[0].Serial != bench || found[0].Name != "Bench" || found[0].Model != "C12" || found[0].Bound != bound {
			t.Fatalf("found %+v %v, bound %t", found, err, bound)
		}
		if !bound {
			h.add(p)
		}
	}
	if _, err := h.client.DiscoverPrinters(t.Context(), cloudapi.LANSearch{Subnet: "8.8.8.0/24"}); !errors.Is(err, grove.Invalid) {
		t.Errorf("a public network: %v", err)
	}
}
