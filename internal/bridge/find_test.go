package bridge

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/sim"
)

const notify = "NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1990\r\nServer: UPnP/1.0\r\nLocation: 192.168.2.179\r\n" +
	"NT: urn:bambulab-com:device:3dprinter:1\r\nNTS: ssdp:alive\r\nUSN: 01P00A000000001\r\nCache-Control: max-age=1800\r\n" +
	"DevModel.bambu.com: C12\r\nDevName.bambu.com: Workshop P1S\r\nDevSignal.bambu.com: -44\r\nDevConnect.bambu.com: lan\r\n" +
	"DevBind.bambu.com: free\r\nDevVersion.bambu.com: 01.08.02.00\r\n\r\n"

func TestAnnouncementsAreRead(t *testing.T) {
	t.Parallel()
	want := grove.FoundPrinter{
		Serial: "01P00A000000001", Name: "Workshop P1S", Model: "C12", Host: "192.168.2.179", Firmware: "01.08.02.00", Connect: "lan", Bind: "free", Found: "ssdp",
	}
	answer := strings.NewReplacer("NOTIFY * HTTP/1.1", "HTTP/1.1 200 OK", "NT: ", "ST: ").Replace(notify)
	for _, datagram := range []string{notify, answer, strings.TrimSuffix(notify, "\r\n")} {
		if got, ok := parseAnnouncement([]byte(datagram)); !ok || got != want {
			t.Errorf("read %+v %t of %q", got, ok, datagram)
		}
	}
	for name, change := range map[string]*strings.Replacer{
		"another kind": strings.NewReplacer("3dprinter:1", "lamp:1"),
		"goodbye":      strings.NewReplacer("ssdp:alive", "ssdp:byebye"),
		"a question":   strings.NewReplacer("NOTIFY", "M-SEARCH"),
	} {
		if got, ok := parseAnnouncement([]byte(change.Replace(notify))); ok {
			t.Errorf("%s is taken for %+v", name, got)
		}
	}
	loud, _ := parseAnnouncement([]byte(strings.Replace(notify, "Workshop P1S", strings.Repeat("ü", 500)+"\x1b[31m", 1)))
	if len(loud.Name) > maxWords || strings.Contains(loud.Name, "\x1b") {
		t.Errorf("a name of %d bytes: %q", len(loud.Name), loud.Name)
	}
}

func TestWhatAPrinterSaysOfItselfIsRead(t *testing.T) {
	t.Parallel()
	body := `{"login":{"command":"detect","sequence_id":3021,"bind":"free","connect":"lan","dev_cap":1,"id":"01P00A000000001","model":"C12","name":"Workshop P1S","version":"01.08.02.00"}}`
	framed := frame([]byte(body))
	if got := framed[2:4]; !bytes.Equal(got, []byte{byte(len(framed)), byte(len(framed) >> 8)}) {
		t.Errorf("the length is % x of %d", got, len(framed))
	}
	got, err := readFrame(bytes.NewReader(framed))
	if err != nil || string(got) != body {
		t.Fatalf("%q %v", got, err)
	}
	p, err := parseDetect(got)
	if err != nil || p.Serial != "01P00A000000001" || p.Name != "Workshop P1S" || p.Connect != "lan" || p.Model != "C12" {
		t.Errorf("%+v %v", p, err)
	}
	for _, wrong := range []string{"", "\xa5\xa5", "\xa5\xa5\xff\xff{}", "\xa5\xa5\x01\x00", "GET / HTTP/1.1\r\n\r\n", string(framed[:len(framed)-2]) + "zz"} {
		if body, err := readFrame(strings.NewReader(wrong)); err == nil {
			t.Errorf("%q is taken for %q", wrong, body)
		}
	}
}

// blind is a bridge that is not run.
func blind(t testing.TB, f Find) *Bridge {
	t.Helper()
	d := newDesk()
	b, err := New(Config{Printers: d, Places: d, Tell: func(string, []byte) {}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Find: f})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// stand lets a simulated printer stand at an address of loopback.
func stand(t *testing.T, addr, serial string, seen bool) *sim.Printer {
	t.Helper()
	c := sim.Config{
		Serial: serial, Model: "P1S", Name: "Workshop " + serial[len(serial)-1:],
		LAN: &sim.LAN{Addr: addr, AccessCode: testCode, Maker: maker},
	}
	if seen {
		c.LAN.SSDP = &sim.SSDP{To: []string{net.JoinHostPort(addr, "9")}, Listen: net.JoinHostPort(addr, "0")}
	}
	p, err := sim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	plug(t, p)
	return p
}

// plug lets a printer live until the test ends.
func plug(t *testing.T, p *sim.Printer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

var maker = sim.NewMaker("")

func TestPrintersAreFound(t *testing.T) {
	t.Parallel()
	announced, quiet := stand(t, "127.0.0.1", "01P00A000000011", true), stand(t, "127.0.0.2", "01P00A000000012", false)
	plain, secure := quiet.BindPorts()
	// Somebody who speaks TLS and is no printer.
	other := serve(t, newAuthority(t).printer(t, "broker.example.org"), "", 0, nil)
	b := blind(t, Find{
		Ask: []string{announced.SearchAddr()}, Ports: []int{}, Detect: plain, DetectTLS: secure,
		MQTTS: []int{announced.Ports().MQTTS, quiet.Ports().MQTTS, other.MQTTS}, Glance: 5 * time.Second,
	})
	found, err := b.Search(t.Context(), grove.LANSearch{Subnet: "127.0.0.0/29", Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b grove.FoundPrinter) int { return strings.Compare(a.Serial, b.Serial) })
	if len(found) != 2 {
		t.Fatalf("found %+v", found)
	}
	for i, want := range []struct{ serial, name, host string }{{"01P00A000000011", "Workshop 1", "127.0.0.1"}, {"01P00A000000012", "Workshop 2", "127.0.0.2"}} {
		p := found[i]
		if p.Serial != want.serial || p.Name != want.name || p.Host != want.host || p.Model != "C12" || p.Connect != "lan" || p.MQTTS == 0 {
			t.Errorf("found %+v, want %+v", p, want)
		}
	}
	if announced.Clients() != 0 || quiet.Clients() != 0 {
		t.Error("it was signed in to printers")
	}
}

// A simulator on the same machine is what is tried first.
func TestASearchWithoutANetworkLooksOnTheSameMachine(t *testing.T) {
	t.Parallel()
	p := stand(t, "127.0.0.2", "01P00A000000013", false)
	b := blind(t, Find{Ask: []string{}, Ports: []int{}, MQTTS: []int{p.Ports().MQTTS}, Glance: 5 * time.Second})
	networks, err := b.networks("")
	if err != nil {
		t.Fatal(err)
	}
	networks = slices.DeleteFunc(networks, func(n netip.Prefix) bool { return !n.Addr().IsLoopback() }) // others are not the tests' to look at
	if got := fmt.Sprint(networks); got != "[127.0.0.0/24]" {
		t.Errorf("looks in %s", got)
	}
	found := &finds{by: map[string]grove.FoundPrinter{}}
	b.scan(t.Context(), networks, found)
	if all := found.all(); len(all) != 1 || all[0].Serial != p.Serial() || all[0].Host != "127.0.0.2" {
		t.Errorf("found %+v", all)
	}
	b.only = []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}
	if got := fmt.Sprint(b.own()); got != "[192.168.1.0/24]" {
		t.Errorf("a bridge for one network looks in %s", got)
	}
}

// A simulator that has no right to the usual ports, or finds them taken, says which it has.
func TestASimulatedPrinterOnTheSameMachineTellsItsPorts(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux answers on all of 127.0.0.0/8")
	}
	addr := fmt.Sprintf("127.0.0.%d", 100+os.Getpid()%100) // others run these tests, too
	p, err := sim.New(sim.Config{Serial: "00M00A000000015", Model: "X1C", LAN: &sim.LAN{Addr: addr, AccessCode: testCode, Maker: maker, SSDP: &sim.SSDP{To: []string{addr + ":9"}}}})
	if err != nil {
		t.Fatal(err)
	}
	plug(t, p)
	b := blind(t, Find{Ports: []int{}, MQTTS: []int{}})
	asked := func(subnet string) []string {
		networks, err := b.networks(subnet)
		if err != nil {
			t.Fatal(err)
		}
		return slices.DeleteFunc(b.asked(networks), func(to string) bool { return !strings.HasPrefix(to, "127.") }) // others are not the tests' to ask
	}
	for subnet, want := range map[string]int{"": 256, "192.168.1.0/24": 0, addr + "/32": 1} {
		if got := asked(subnet); len(got) != want {
			t.Errorf("for the network %q, %d addresses of this machine are asked", subnet, len(got))
		}
	}
	b.cfg.Find.Ask = asked(addr + "/32")
	found, err := b.Search(t.Context(), grove.LANSearch{Subnet: addr + "/32", Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	at := p.Ports()
	mine := slices.IndexFunc(found, func(f grove.FoundPrinter) bool { return f.Serial == p.Serial() })
	if mine < 0 {
		t.Fatalf("found %+v", found)
	}
	if f := found[mine]; f.Host != addr || f.MQTTS != at.MQTTS || f.FTPS != at.FTPS || f.RTSPS != at.RTSPS || f.Camera != 0 {
		t.Errorf("found %+v, and it stands at %+v", f, at)
	}
}

func TestPortsThatAreNoneAreNotBelieved(t *testing.T) {
	t.Parallel()
	for said, want := range map[string]grove.FoundPrinter{
		"mqtts=9883 ftps=990 camera=7000 rtsps=3322": {MQTTS: 9883, Camera: 7000, RTSPS: 3322},
		"mqtts=8883":                           {},
		"mqtts=0 ftps=65536 camera=-1 rtsps=x": {},
		"http=80 mqtts 9883 =1 ftps=":          {},
	} {
		got, ok := parseAnnouncement([]byte(strings.Replace(notify, "DevBind", "Ports.grove: "+said+"\r\nDevBind", 1)))
		if !ok || got.MQTTS != want.MQTTS || got.FTPS != want.FTPS || got.Camera != want.Camera || got.RTSPS != want.RTSPS {
			t.Errorf("%q is %+v", said, got)
		}
	}
	f := &finds{by: map[string]grove.FoundPrinter{}}
	f.add(grove.FoundPrinter{Serial: good, FTPS: 9990, RTSPS: 3322})
	f.add(grove.FoundPrinter{Serial: good, Camera: 7000})
	if all := f.all(); len(all) != 1 || all[0].FTPS != 9990 || all[0].RTSPS != 3322 || all[0].Camera != 7000 {
		t.Errorf("found %+v", all)
	}
}

// Of twenty simulated printers that were never asked before, each makes its key then.
func TestAPrinterThatTakesLongToSayItsNameIsFound(t *testing.T) {
	t.Parallel()
	const glance = 200 * time.Millisecond
	cert := newAuthority(t).printer(t, "01P00A000000014")
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		<-time.After(5 * glance)
		return &cert, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	var answering sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); answering.Wait() })
	answering.Go(func() {
		if conn, err := l.Accept(); err == nil {
			_, _ = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
	})
	b := blind(t, Find{Ask: []string{}, Ports: []int{}, Glance: glance})
	if name, ok := b.nameOf(t.Context(), "127.0.0.1", l.Addr().(*net.TCPAddr).Port); !ok || name != "01P00A000000014" {
		t.Errorf("met %q", name)
	}
}

func TestASearchKeepsToItsBounds(t *testing.T) {
	t.Parallel()
	b := blind(t, Find{Ask: []string{}, Ports: []int{}})
	for subnet, reason := range map[string]string{
		"192.168.0.0/16": "bad_subnet", "10.0.0.0/8": "bad_subnet", "fd00::/120": "bad_subnet", "printers": "bad_subnet",
		"192.0.2.0/24": reasonForeign, "172.31.252.0/22": "", "172.15.255.0/24": reasonForeign,
	} {
		_, err := b.networks(subnet)
		if reason == "" && err != nil || reason != "" && !grove.HasReason(err, reason) {
			t.Errorf("%s: %v, want %s", subnet, err, reason)
		}
	}
	if _, err := b.Search(t.Context(), grove.LANSearch{Wait: time.Hour}); !grove.HasReason(err, "bad_wait") {
		t.Errorf("an hour: %v", err)
	}
	f := &finds{by: map[string]grove.FoundPrinter{}}
	for i := range mostFound + 10 {
		f.add(grove.FoundPrinter{Serial: "01P00A" + strconv.Itoa(100_000+i)})
	}
	if n := len(f.all()); n != mostFound {
		t.Errorf("%d were kept", n)
	}
}

func TestOnlyNearAddressesAreDialled(t *testing.T) {
	t.Parallel()
	b := blind(t, Find{})
	for address, near := range map[string]bool{
		"127.0.0.1:8883": true, "192.168.1.4:8883": true, "10.1.2.3:1": true, "172.16.0.1:8883": true, "169.254.1.1:8883": true,
		"[fe80::1%eth0]:8883": true, "[fd00::1]:8883": true, "[::ffff:192.168.1.4]:8883": true,
		"8.8.8.8:8883": false, "100.64.0.1:8883": false, "0.0.0.0:8883": false, "[2001:db8::1]:8883": false, "[::ffff:8.8.8.8]:8883": false,
		"239.255.255.250:2021": false, "nonsense": false,
	} {
		if got := b.allowed(address); got != near {
			t.Errorf("%s: allowed %t", address, got)
		}
	}
}

func FuzzAnnouncement(f *testing.F) {
	f.Add([]byte(notify))
	f.Add([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if p, ok := parseAnnouncement(raw); ok && (len(p.Name) > maxWords || len(p.Serial) > maxWords) {
			t.Errorf("%+v", p)
		}
	})
}

func FuzzDetect(f *testing.F) {
	f.Add(frame([]byte(`{"login":{"id":"01P00A000000001","name":"x"}}`)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		body, err := readFrame(bytes.NewReader(raw))
		if err != nil {
			return
		}
		if p, err := parseDetect(body); err == nil && len(p.Name) > maxWords {
			t.Errorf("%+v", p)
		}
	})
}
