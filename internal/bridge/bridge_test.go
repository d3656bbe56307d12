package bridge

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/eclipse/paho.mqtt.golang/packets"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	good     = "01P00A000000001"
	bad      = "01P00A000000002"
	testCode = "12345678"
)

// desk stands for the rules: it knows where printers stand and what was told.
type desk struct {
	mu       sync.Mutex
	lans     map[string]grove.LAN
	heard    map[string][]string
	links    map[string]stocked
	attached map[string]int
	troubles []string
	sight    grove.Sight
	at       []time.Time
}

func newDesk(lans ...grove.LAN) *desk {
	d := &desk{lans: map[string]grove.LAN{}, heard: map[string][]string{}, links: map[string]stocked{}, attached: map[string]int{}}
	for _, l := range lans {
		d.lans[l.Serial] = l
	}
	return d
}

func (d *desk) LANs() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for s := range d.lans {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

func (d *desk) LAN(serial string) (grove.LAN, grove.Secret, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l, ok := d.lans[serial]
	return l, testCode, ok
}

func (d *desk) Sight(string) grove.Sight {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.sight
}

func (d *desk) Pinned(_ context.Context, at grove.LAN, pin string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lans[at.Serial]
	l.Pin = pin
	d.lans[at.Serial] = l
	return nil
}

func (d *desk) Stranger(_ context.Context, at grove.LAN, pin string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lans[at.Serial]
	l.StrangerPin = pin
	d.lans[at.Serial] = l
	return nil
}

func (d *desk) Troubled(_ string, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.troubles, d.at = append(d.troubles, grove.AsError(why).Reason), append(d.at, time.Now())
}

func (d *desk) Attach(serial string, link Link) func(string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.links[serial], _ = link.(stocked)
	d.attached[serial]++
	return func(string) {
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.links, serial)
	}
}

func (d *desk) Observe(serial string, payload []byte) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heard[serial] = append(d.heard[serial], string(payload))
	if strings.HasPrefix(string(payload), "garbage") {
		return nil
	}
	return payload
}

// link is that of the good printer.
func (d *desk) link() *wire {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.links[good].wire
}

func (d *desk) connects(serial string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.attached[serial]
}

// trouble reports whether this was told.
func (d *desk) trouble(reason string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(d.troubles, reason)
}

func (d *desk) said(serial string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.heard[serial])
}

// open runs a bridge until the test ends.
func open(t testing.TB, d *desk, change ...func(*Config)) *Bridge {
	t.Helper()
	c := Config{
		Printers: d, Places: d, Tell: func(string, []byte) {}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Ping: 50 * time.Millisecond, Silence: time.Minute, Retry: 20 * time.Millisecond, LongestRetry: 50 * time.Millisecond,
	}
	for _, f := range change {
		f(&c)
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return b
}

// machine is a printer of which a test decides what it does once it is signed in to.
type machine struct {
	grove.LAN
	mu      sync.Mutex
	names   []string // client ids
	cleared []bool
}

// serve stands a machine on loopback. What behave gets has been let in and subscribed.
func serve(t testing.TB, cert tls.Certificate, serial string, verdict byte, behave func(net.Conn)) *machine {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{LAN: grove.LAN{Serial: serial, Host: "127.0.0.1", MQTTS: l.Addr().(*net.TCPAddr).Port}}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				if m.admit(conn, verdict) {
					behave(conn)
				}
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return m
}

func (m *machine) admit(conn net.Conn, verdict byte) bool {
	first, err := packets.ReadPacket(conn)
	hello, ok := first.(*packets.ConnectPacket)
	if err != nil || !ok {
		return false
	}
	m.mu.Lock()
	m.names, m.cleared = append(m.names, hello.ClientIdentifier), append(m.cleared, hello.CleanSession)
	m.mu.Unlock()
	answer := &packets.ConnackPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Connack}, ReturnCode: verdict}
	if answer.Write(conn) != nil || verdict != 0 {
		return false
	}
	if _, err := packets.ReadPacket(conn); err != nil {
		return false
	}
	granted := &packets.SubackPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Suback}, MessageID: 1, ReturnCodes: []byte{0}}
	return granted.Write(conn) == nil
}

func say(conn net.Conn, topic, payload string) error {
	return (&packets.PublishPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Publish}, TopicName: topic, Payload: []byte(payload),
	}).Write(conn)
}

// answer answers pings until the other side leaves, and gives what is published.
func answer(conn net.Conn, published func(*packets.PublishPacket)) {
	for {
		p, err := packets.ReadPacket(conn)
		if err != nil {
			return
		}
		switch p := p.(type) {
		case *packets.PingreqPacket:
			if (&packets.PingrespPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pingresp}}).Write(conn) != nil {
				return
			}
		case *packets.PublishPacket:
			published(p)
		}
	}
}

func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end.C:
			t.Fatalf("waited too long until %s", what)
		case <-tick.C:
		}
	}
}

const report = "device/" + good + "/report"

func TestOnlyWhatIsOfThePrinterIsHeard(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) {
		for _, of := range [][2]string{
			{"device/" + bad + "/report", "another's"},
			{"device/" + good + "/request", "a request"},
			{report, "{\"print\":{}}\x00"},
			{report, "\xff{not json"},
			{report, "last"},
		} {
			if say(conn, of[0], of[1]) != nil {
				return
			}
		}
		answer(conn, func(*packets.PublishPacket) {})
	})
	d := newDesk(m.LAN)
	b := open(t, d)
	until(t, "all is heard", func() bool { return slices.Contains(d.said(good), "last") })
	if got, want := strings.Join(d.said(good), "|"), "{\"print\":{}}|\uFFFD{not json|last"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
	if n := testutil.ToFloat64(b.metrics.dropped.WithLabelValues("topic")); n != 2 {
		t.Errorf("%g messages of others were counted", n)
	}
	if l, _, _ := d.LAN(good); l.Pin == "" {
		t.Error("no key was pinned")
	}
}

func TestAPrinterThatOnlyAnswersPingsIsConnectedAnew(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) { answer(conn, func(*packets.PublishPacket) {}) })
	d := newDesk(m.LAN)
	open(t, d, func(c *Config) { c.Silence = 200 * time.Millisecond })
	until(t, "it is connected again", func() bool { return d.trouble(reasonStalled) && d.connects(good) > 1 })
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[0] == m.names[1] || !m.cleared[0] {
		t.Errorf("it came as %q, clean %t", m.names, m.cleared)
	}
}

func TestACommandIsWrittenOnceOrRefused(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	seen := make(chan packets.PublishPacket, 100)
	m := serve(t, a.printer(t, good), good, 0, func(conn net.Conn) {
		answer(conn, func(p *packets.PublishPacket) { seen <- *p }) // and never a PUBACK
	})
	d := newDesk(m.LAN)
	open(t, d)
	until(t, "it is connected", func() bool { return d.link() != nil })
	link := d.link()
	for i := range 60 {
		if err := link.Send(fmt.Appendf(nil, "%d", i), soon(), func() {}); err != nil {
			t.Fatal(err)
		}
		p := <-seen
		if string(p.Payload) != strconv.Itoa(i) || p.TopicName != "device/"+good+"/request" || p.Qos != 1 || p.Dup || p.Retain {
			t.Fatalf("written as %v", p.String())
		}
	}
	link.Close("enough")
	until(t, "it is connected again", func() bool { return d.connects(good) == 2 })
	if err := link.Send([]byte("late"), soon(), func() {}); !grove.HasReason(err, grove.ReasonPrinterOffline) {
		t.Errorf("sent on a link that has ended: %v", err)
	}
	if len(seen) != 0 {
		t.Errorf("written again: %v", <-seen)
	}
}

func TestAPrinterThatTakesNothingIsToldAtOnce(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	over := make(chan struct{})
	m := serve(t, a.printer(t, good), good, 0, func(net.Conn) { <-over })
	defer close(over)
	d := newDesk(m.LAN)
	open(t, d, func(c *Config) { c.Ping = 20 * time.Second })
	until(t, "it is connected", func() bool { return d.link() != nil })
	big := make([]byte, 64<<10)
	var err error
	for i := 0; err == nil && i < 10_000; i++ {
		err = d.link().Send(big, soon(), func() {})
	}
	if !errors.Is(err, grove.Unavailable) {
		t.Errorf("the queue took everything: %v", err)
	}
}

func TestAnUnreachablePrinterIsTriedLessAndLessOften(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(grove.LAN{Serial: good, Host: "127.0.0.1", MQTTS: l.Addr().(*net.TCPAddr).Port})
		b := open(t, d, func(c *Config) { c.Retry, c.LongestRetry = 0, 0 })
		<-time.After(20 * time.Minute)
		d.mu.Lock()
		at := d.at
		d.mu.Unlock()
		want := time.Second
		for i := range at[1:] {
			if pause := at[i+1].Sub(at[i]); pause < want/2 || pause > want {
				t.Errorf("pause %d is %s, want %s to %s", i, pause, want/2, want)
			}
			want = min(2*want, 2*time.Minute)
		}
		if len(at) < 14 || !d.trouble(reasonUnreachable) {
			t.Errorf("tried %d times in 20 min", len(at))
		}
		before := len(at)
		b.Changed(good) // somebody looked after it
		synctest.Wait()
		until(t, "it is tried at once", func() bool { d.mu.Lock(); defer d.mu.Unlock(); return len(d.at) > before })
	})
}

func TestALineFollowsItsPrinter(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	cert := a.printer(t, good)
	stay := func(conn net.Conn) { answer(conn, func(*packets.PublishPacket) {}) }
	first, second := serve(t, cert, good, 0, stay), serve(t, cert, good, 0, stay)
	d := newDesk()
	b := open(t, d)
	put := func(l grove.LAN, there bool) {
		d.mu.Lock()
		if delete(d.lans, good); there {
			d.lans[good] = l
		}
		d.mu.Unlock()
		b.Changed(good)
	}
	came := func(m *machine) int { m.mu.Lock(); defer m.mu.Unlock(); return len(m.names) }
	put(first.LAN, true)
	until(t, "it is connected", func() bool { return came(first) == 1 && b.connected(good) })
	put(second.LAN, true)
	until(t, "it moved", func() bool { return came(second) == 1 && b.connected(good) })
	put(grove.LAN{}, false)
	until(t, "it is gone", func() bool { b.mu.Lock(); defer b.mu.Unlock(); return len(b.lines) == 0 && d.link() == nil })
	put(first.LAN, true)
	until(t, "it is back", func() bool { return came(first) == 2 && b.connected(good) })
	elsewhere := first.LAN
	elsewhere.Bridge = "bridge_1"
	put(elsewhere, true)
	until(t, "another bridge has it", func() bool { return !b.connected(good) })
	if n := came(first) + came(second); n != 3 {
		t.Errorf("%d connections", n)
	}
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte("\x30\x05\x00\x01abc"))
	f.Add([]byte("\x32\x05\x00\x01abc"))
	f.Add([]byte("\x30\xff\xff\xff\xff\x7f"))
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		w := &wire{in: bufio.NewReader(strings.NewReader(string(raw))), metrics: m}
		for {
			head, body, err := w.next()
			if err != nil {
				return
			}
			_, payload, err := publication(head, body)
			if err == nil && (len(payload) > len(raw) || !utf8.Valid(readable(payload))) {
				t.Fatalf("%q gave %q", raw, payload)
			}
		}
	})
}

// soon is until when these tests let a command be written.
func soon() time.Time { return time.Now().Add(maxAge) }
