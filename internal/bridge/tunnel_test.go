package bridge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

const far = "bridge_far"

// quick is a fence that loses no time.
var quick = Fence{Pulse: 50 * time.Millisecond, Deaf: time.Second, Lease: 1500 * time.Millisecond}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// cloudOf takes bridges for b as a cloud does, and gives its address.
func cloudOf(t testing.TB, b *Bridge) string {
	t.Helper()
	var arrivals atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer key" || r.Header.Get("Upgrade") != Upgrade {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		serving.Add(1)
		defer serving.Done()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+Upgrade+"\r\n\r\n")
		_ = b.Serve(ctx, conn, Arrival{ID: far, BridgeSeen: grove.BridgeSeen{Epoch: arrivals.Add(1)}})
	}))
	t.Cleanup(func() { stop(); web.Close(); serving.Wait() })
	return web.Listener.Addr().String()
}

// remote runs a bridge elsewhere that dials address. What Run gives comes out.
func remote(t testing.TB, address string, change ...func(*RemoteConfig)) (ended <-chan error, stop func()) {
	t.Helper()
	c := RemoteConfig{
		Cloud: &url.URL{Scheme: "http", Host: address}, Key: "key", Networks: loopback, Fence: quick, Log: slog.New(slog.DiscardHandler),
		Retry: 20 * time.Millisecond, LongestRetry: 50 * time.Millisecond, Patience: 2 * time.Second,
	}
	for _, f := range change {
		f(&c)
	}
	r, err := NewRemote(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done, told := make(chan struct{}), make(chan error, 1)
	go func() { defer close(done); told <- r.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return told, stop
}

// fenced is a cloud in which nothing but the fence ends a link.
func fenced(f Fence) func(*Config) {
	return func(c *Config) { c.Fence, c.Ping = f, 10*time.Second }
}

func ports(m ...int) func(*RemoteConfig) { return func(c *RemoteConfig) { c.Ports = m } }

// behind lets a printer stand behind the bridge.
func behind(l grove.LAN) grove.LAN { l.Bridge = far; return l }

func (b *Bridge) hasFar() bool { _, ok := b.BridgeNow(far); return ok }

func TestAPrinterOfAnotherNetworkIsCarried(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	seen := make(chan string, 10)
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) {
		_ = say(conn, report, `{"print":{"command":"push_status","gcode_state":"IDLE"}}`)
		answer(conn, func(p *packets.PublishPacket) { seen <- string(p.Payload) })
	})
	d := newDesk(behind(m.LAN))
	b := open(t, d, fenced(quick), func(c *Config) { c.Silence = 2 * time.Second })
	until(t, "it is said that the bridge is missing", func() bool { return d.trouble(reasonNoBridge) })
	_, stop := remote(t, cloudOf(t, b), ports(m.MQTTS))
	until(t, "its report is heard", func() bool { return len(d.said(good)) > 0 })
	if l, _, _ := d.LAN(good); l.Pin == "" {
		t.Error("its key was not pinned")
	}
	if err := d.link().Send([]byte("stop"), soon(), func() {}); err != nil || <-seen != "stop" {
		t.Errorf("a command: %v", err)
	}
	test := b.Test(t.Context(), behind(m.LAN), testCode, true)
	if f, failed := test.Failed(grove.StepReachable, grove.StepTLS, grove.StepSerial, grove.StepAccessCode); failed {
		t.Errorf("the test says %+v", f)
	}
	stop()
	until(t, "its link has ended", func() bool { return d.link() == nil })
	until(t, "the bridge is known to be gone", func() bool { return !b.hasFar() })
}

func TestAFileIsCarriedThroughABridge(t *testing.T) {
	t.Parallel()
	f := newFTPD(t)
	b := open(t, newDesk(), fenced(quick))
	remote(t, cloudOf(t, b), ports(f.l.Addr().(*net.TCPAddr).Port))
	until(t, "the bridge is there", func() bool { return b.hasFar() })
	drive := f.drive(func(c *DriveConfig) { c.Dial = b.to(behind(c.LAN)) })
	content := noise(3 << 20)
	if err := drive.Carry(t.Context(), loadOf("/cache/a.gcode.3mf", content), quiet); err != nil {
		t.Fatal(err)
	}
	if got, ok := f.file("/cache/a.gcode.3mf"); !ok || !bytes.Equal(got, content) {
		t.Errorf("%d bytes arrived of %d", len(got), len(content))
	}
	var back bytes.Buffer
	if err := drive.Fetch(t.Context(), "/cache/a.gcode.3mf", &back); err != nil || !bytes.Equal(back.Bytes(), content) {
		t.Errorf("%d bytes came back: %v", back.Len(), err)
	}
}

func TestABridgeFindsPrinters(t *testing.T) {
	t.Parallel()
	p := stand(t, "127.0.0.1", "01P00A000000013", false)
	plain, secure := p.BindPorts()
	b := open(t, newDesk(), fenced(quick))
	remote(t, cloudOf(t, b), func(c *RemoteConfig) {
		c.Find = Find{Ask: []string{}, Ports: []int{}, Detect: plain, DetectTLS: secure, MQTTS: []int{p.Ports().MQTTS}, Glance: 5 * time.Second}
	})
	until(t, "the bridge is there", func() bool { return b.hasFar() })
	found, err := b.Search(t.Context(), grove.LANSearch{Bridge: far, Subnet: "127.0.0.0/29", Wait: time.Second})
	if err != nil || len(found) == 0 || found[0].Serial != "01P00A000000013" {
		t.Errorf("found %+v %v", found, err)
	}
	_, err = b.Search(t.Context(), grove.LANSearch{Bridge: far, Subnet: "10.0.0.0/24", Wait: time.Second})
	if !grove.HasReason(err, reasonForeign) {
		t.Errorf("a network that is not the bridge's: %v", err)
	}
	_, err = b.Search(t.Context(), grove.LANSearch{Bridge: "bridge_none"})
	if !grove.HasReason(err, reasonNoBridge) {
		t.Errorf("a bridge that is not there: %v", err)
	}
}

// A cloud in wrong hands must not look around in the network of a bridge.
func TestABridgeConnectsToPrintersAlone(t *testing.T) {
	t.Parallel()
	networks := []netip.Prefix{netip.MustParsePrefix("192.168.7.0/24"), netip.MustParsePrefix("fd00:7::/64")}
	p := newPremises(networks, []int{18883}, Find{}.complete())
	for address, allowed := range map[string]bool{
		"192.168.7.9:8883": true, "192.168.7.9:990": true, "192.168.7.9:6000": true, "192.168.7.9:322": true,
		"192.168.7.9:3000": true, "192.168.7.9:18883": true, "[fd00:7::9]:8883": true,
		"192.168.7.9:22": false, "192.168.7.9:80": false, "192.168.7.9:50000": false, "192.168.8.9:8883": false,
		"10.0.0.1:8883": false, "127.0.0.1:8883": false, "169.254.169.254:8883": false, "8.8.8.8:8883": false, "[fd00:8::9]:8883": false,
		"[::1]:8883": false, "0.0.0.0:8883": false,
	} {
		if got := p.allows(netip.MustParseAddrPort(address)); got != allowed {
			t.Errorf("%s: allowed %t", address, got)
		}
	}

	// Ports for data count only on a machine whose file service is spoken to.
	near, end := net.Pipe()
	defer end.Close()
	line := p.noted(near, netip.MustParseAddr("192.168.7.9"))
	for address, allowed := range map[string]bool{
		"192.168.7.9:50000": true, "192.168.7.9:22": false, "192.168.7.10:50000": false,
	} {
		if got := p.allows(netip.MustParseAddrPort(address)); got != allowed {
			t.Errorf("%s while files go: allowed %t", address, got)
		}
	}
	_, _ = line.Close(), line.Close()
	if p.allows(netip.MustParseAddrPort("192.168.7.9:50000")) {
		t.Error("a port for data is open after the session")
	}
}

func TestABridgeRefusesOtherAddresses(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b := open(t, newDesk(), fenced(quick))
	remote(t, cloudOf(t, b))
	until(t, "the bridge is there", func() bool { return b.hasFar() })
	to := b.to(grove.LAN{Bridge: far})
	port := l.Addr().(*net.TCPAddr).Port
	for address, reason := range map[string]string{
		l.Addr().String():       reasonForeign,
		at("localhost", port):   reasonForeign,
		"127.0.0.1:8883":        reasonUnreachable,
		"no.such.invalid:8883":  reasonUnreachable,
		"192.0.2.1:8883":        reasonForeign,
		"[::ffff:1.2.3.4]:8883": reasonForeign,
	} {
		conn, err := to(t.Context(), address)
		if err == nil {
			_ = conn.Close()
		}
		if got := troubleOf(err).reason; got != reason {
			t.Errorf("%s: %v, want %s", address, err, reason)
		}
	}
}

// listener is a printer that remembers what it is told, and counts who is signed in.
type listener struct {
	*machine
	present atomic.Int32
	mu      sync.Mutex
	told    []string
}

func listens(t testing.TB) *listener {
	t.Helper()
	p := &listener{}
	p.machine = serve(t, newAuthority(t).printer(t, good), good, 0, func(conn net.Conn) {
		p.present.Add(1)
		defer p.present.Add(-1)
		answer(conn, func(m *packets.PublishPacket) {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.told = append(p.told, string(m.Payload))
		})
	})
	return p
}

func (p *listener) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.told, " ")
}

// What a network keeps back for longer than the fence reaches no printer when it
// heals, and the printer is connected again by itself.
func TestAHeldStartNeverArrives(t *testing.T) {
	t.Parallel()
	p := listens(t)
	d := newDesk(behind(p.LAN))
	fence := Fence{Pulse: 50 * time.Millisecond, Deaf: 3 * time.Second, Lease: 4 * time.Second}
	b := open(t, d, fenced(fence))
	way := faulty(t, cloudOf(t, b))
	// A bridge that was long on its way is deaf soon after it comes in.
	remote(t, way.l.Addr().String(), ports(p.MQTTS), func(c *RemoteConfig) { c.Fence, c.Patience = fence, time.Second })
	for round := range 2 {
		until(t, "it is connected", func() bool { return p.present.Load() == 1 && d.link() != nil })
		link := d.link()
		before := fmt.Sprintf("before-%d", round)
		if err := link.Send([]byte(before), soon(), func() {}); err != nil {
			t.Fatal(err)
		}
		until(t, "a start arrives in time", func() bool { return strings.HasSuffix(p.all(), before) })
		way.hold(both)
		_ = link.Send([]byte("held"), soon(), func() {}) // nobody knows yet
		until(t, "the bridge has let go of the printer", func() bool { return p.present.Load() == 0 })
		until(t, "the cloud has let go of the link", func() bool { return d.link() == nil })
		if b.hasFar() {
			t.Error("the cloud thinks that the bridge is there")
		}
		if err := link.Send([]byte("later"), soon(), func() {}); !grove.HasReason(err, grove.ReasonPrinterOffline) {
			t.Errorf("a command for nobody: %v", err)
		}
		way.hold(0)
	}
	until(t, "it is connected again", func() bool { return p.present.Load() == 1 && d.link() != nil })
	if err := d.link().Send([]byte("after"), soon(), func() {}); err != nil {
		t.Fatal(err)
	}
	until(t, "what is sent now arrives", func() bool { return strings.HasSuffix(p.all(), "after") })
	if got := p.all(); got != "before-0 before-1 after" {
		t.Errorf("the printer was told %s", got)
	}
}

// While the network is cut either way nothing starts. What stops a print is sent as
// long as the connection stands, and arrives where that way is open. Past the fence
// neither end holds on to anything, and after it all goes on by itself.
func TestAPartitionThatOutlivesTheFence(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		held way
		told string
	}{"up": {up, "before stop pause after"}, "down": {down, "before after"}, "both": {both, "before after"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := listens(t)
			d := newDesk(behind(p.LAN))
			fence := Fence{Pulse: 50 * time.Millisecond, Deaf: time.Second, Lease: 6 * time.Second}
			b := open(t, d, fenced(fence))
			between := faulty(t, cloudOf(t, b))
			remote(t, between.l.Addr().String(), ports(p.MQTTS), func(c *RemoteConfig) { c.Fence.Deaf = fence.Lease })
			starts := func() error {
				d.mu.Lock()
				defer d.mu.Unlock()
				return d.links[good].MayStart()
			}
			say := func(what string) {
				t.Helper()
				if err := d.link().Send([]byte(what), soon(), func() {}); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			}
			until(t, "it is connected", func() bool { return d.link() != nil && starts() == nil })
			say("before")
			until(t, "what is sent arrives", func() bool { return p.all() == "before" })
			between.hold(c.held)
			until(t, "starts are refused", func() bool { return grove.HasReason(starts(), ReasonLapsed) })
			say("stop")
			say("pause")
			if c.held == up {
				until(t, "stop and pause arrive", func() bool { return p.all() == "before stop pause" })
			}
			until(t, "both ends have let go", func() bool { return p.present.Load() == 0 && d.link() == nil && !b.hasFar() })
			between.hold(0)
			until(t, "it is connected again", func() bool { return p.present.Load() == 1 && d.link() != nil && starts() == nil })
			say("after")
			until(t, "what is sent now arrives", func() bool { return strings.HasSuffix(p.all(), "after") })
			if got := p.all(); got != c.told {
				t.Errorf("the printer was told %s, want %s", got, c.told)
			}
		})
	}
}

// Over a connection that is alive but slow, nothing starts and all else passes.
func TestASlowBridgeStopsAndStartsNothing(t *testing.T) {
	t.Parallel()
	p := listens(t)
	d := newDesk(behind(p.LAN))
	// The cloud counts itself deaf well before the bridge does.
	b := open(t, d, fenced(Fence{Pulse: 20 * time.Millisecond, Deaf: 300 * time.Millisecond, Lease: 20 * time.Second}))
	way := faulty(t, cloudOf(t, b))
	remote(t, way.l.Addr().String(), ports(p.MQTTS), func(c *RemoteConfig) { c.Fence.Deaf = 20 * time.Second })
	starts := func() error {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.links[good].MayStart()
	}
	until(t, "it is connected", func() bool { return d.link() != nil })
	if err := starts(); err != nil {
		t.Errorf("it may not start: %v", err)
	}
	way.delay(400 * time.Millisecond)
	until(t, "starts are refused", func() bool { return grove.HasReason(starts(), ReasonLapsed) })
	if err := d.link().Send([]byte("stop"), soon(), func() {}); err != nil {
		t.Fatal(err)
	}
	until(t, "a stop arrives", func() bool { return p.all() == "stop" })
	way.delay(0)
	until(t, "it may start again", func() bool { return starts() == nil })
	if n := d.connects(good); n != 1 {
		t.Errorf("connected %d times", n)
	}
}

func TestACutBridgeComesBack(t *testing.T) {
	t.Parallel()
	p := listens(t)
	d := newDesk(behind(p.LAN))
	b := open(t, d, fenced(quick))
	way := faulty(t, cloudOf(t, b))
	remote(t, way.l.Addr().String(), ports(p.MQTTS))
	until(t, "it is connected", func() bool { return d.link() != nil })
	first, _ := b.BridgeNow(far)
	way.cut()
	until(t, "it is connected again", func() bool { return d.connects(good) == 2 && d.link() != nil })
	if now, _ := b.BridgeNow(far); now.Epoch <= first.Epoch {
		t.Errorf("epoch %d after %d", now.Epoch, first.Epoch)
	}
	until(t, "one connection is left at the printer", func() bool { return p.present.Load() == 1 })
}

func TestTheLaterBridgeStays(t *testing.T) {
	t.Parallel()
	p := listens(t)
	d := newDesk(behind(p.LAN))
	b := open(t, d, fenced(quick))
	cloud := cloudOf(t, b)
	first, _ := remote(t, cloud, ports(p.MQTTS))
	until(t, "it is connected", func() bool { return d.link() != nil })
	second, _ := remote(t, cloud, ports(p.MQTTS))
	if err := <-first; !grove.HasReason(err, ReasonReplaced) {
		t.Errorf("the first ended with %v", err)
	}
	until(t, "it is connected through the second", func() bool { return d.connects(good) == 2 && d.link() != nil && p.present.Load() == 1 })
	select {
	case err := <-second:
		t.Errorf("the second ended with %v", err)
	default:
	}
	b.CutBridge(far)
	if err := <-second; !grove.HasReason(err, ReasonRevoked) {
		t.Errorf("after its key was revoked: %v", err)
	}
	until(t, "nobody is at the printer", func() bool { return p.present.Load() == 0 })
}

func TestABridgeThatIsNotLetInSaysSo(t *testing.T) {
	t.Parallel()
	b := open(t, newDesk(), fenced(quick))
	ended, _ := remote(t, cloudOf(t, b), func(c *RemoteConfig) { c.Key = "wrong" })
	if err := <-ended; !errors.Is(err, grove.Forbidden) {
		t.Errorf("with a wrong key: %v", err)
	}
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	ended, _ = remote(t, web.Listener.Addr().String())
	if err := <-ended; !grove.HasReason(err, "no_cloud") {
		t.Errorf("at another server: %v", err)
	}
}

// Who comes in and is no bridge is shown out in time.
func TestWhoIsNoBridgeIsShownOut(t *testing.T) {
	t.Parallel()
	b := open(t, newDesk(), func(c *Config) { c.Patience = 200 * time.Millisecond })
	for name, does := range map[string]func(net.Conn){
		"says nothing": func(net.Conn) {},
		"says nonsense": func(c net.Conn) {
			_, _ = io.WriteString(c, strings.Repeat("nonsense ", 100))
		},
		"leaves": func(c net.Conn) { _ = c.Close() },
	} {
		near, end := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, end) }()
		go does(end)
		if err := b.Serve(t.Context(), near, Arrival{ID: far}); err == nil || b.hasFar() {
			t.Errorf("%s: %v", name, err)
		}
		_ = end.Close()
	}
}
