package broker

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

func TestTheGateHearsWhoKnocks(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	w := r.dial(t, clientTLS("A1.printers.test"))
	w.connect(connect{user: "u_1", id: "x"})
	k := r.knocks[0]
	if k.Username != "u_1" || k.Password != "right" || k.SNI != "A1.printers.test" || k.Remote != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("the gate heard %+v", k)
	}
}

func TestARefusedClientHearsWhy(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	r.enter = func(k Knock) error {
		switch k.Username {
		case "u_8":
			return grove.Errorf(grove.Limited, grove.ReasonRateLimited, "slow down")
		case "u_9":
			return grove.Errorf(grove.Unavailable, "database", "down")
		}
		return nil
	}
	for _, c := range []struct {
		user, password string
		want3, want5   byte
	}{
		{"u_1", "wrong", 5, 0x86},
		{"u_8", "right", 3, 0x9f},
		{"u_9", "right", 3, 0x88},
	} {
		for version, want := range map[byte]byte{4: c.want3, 5: c.want5} {
			w := r.dial(t, clientTLS(""))
			ack := w.connect(connect{user: c.user, password: c.password, version: version})
			if ack.ReasonCode != want {
				t.Errorf("%s on MQTT %d got %#x, want %#x", c.user, version, ack.ReasonCode, want)
			}
			w.closed()
		}
	}
	w := r.dial(t, clientTLS(""))
	ack := w.connect(connect{user: "u_1", version: 5, change: func(pk *packets.Packet) { pk.Properties.AuthenticationMethod = "SCRAM" }})
	if ack.ReasonCode != 0x8c {
		t.Errorf("an unknown method got %#x", ack.ReasonCode)
	}
	r.untilMetric(t, "connects_refused_total", "credentials", 2)
	r.untilMetric(t, "connections", "", 0)
}

// unsteady is a listener that fails now and then.
type unsteady struct {
	net.Listener
	mu    sync.Mutex
	fails int
}

func (u *unsteady) Accept() (net.Conn, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fails > 0 {
		u.fails--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return u.Listener.Accept()
}

func TestTooManyOpenFilesAreSurvived(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Listener = &unsteady{Listener: c.Listener, fails: 4} })
	r.join(t, connect{user: "u_1"}).ping()
	if n := r.metric(t, "accept_errors_total", ""); n != 4 {
		t.Errorf("%v errors were counted", n)
	}
}

func TestAListenerClosedBySomebodyElseEndsTheBroker(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := newHouse()
	b, err := New(Config{Listener: l, TLS: serverTLS(), Gate: h, Printers: h})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := b.Run(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Run gave %v", err)
	}
}

func TestSilentConnectionsAreCut(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.Handshake = time.Second })
	hello := (&wire{t: t}).hello(connect{user: "u_1"})
	whole := (&wire{t: t, version: 4}).encoded(hello)
	for name, say := range map[string]func() net.Conn{
		"nothing at all": func() net.Conn {
			c, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			return c
		},
		"nothing after the handshake": func() net.Conn { return r.dial(t, clientTLS("")).conn },
		"half a CONNECT": func() net.Conn {
			c := r.dial(t, clientTLS("")).conn
			_, _ = c.Write(whole[:len(whole)/2])
			return c
		},
	} {
		conns := make([]net.Conn, 20)
		for i := range conns {
			conns[i] = say()
		}
		began := time.Now()
		for _, c := range conns {
			_ = c.SetReadDeadline(time.Now().Add(patience))
			if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v", name, err)
			}
			c.Close()
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: cut after %v", name, took)
		}
	}
	if len(r.knocks) > 0 {
		t.Error("somebody came to the gate")
	}
}

func TestSilentHandshakesLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.Handshakes = 1 })
	for range 10 {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	for range 10 {
		// A client that reads the server's hello and says no more.
		ctx, cancel := context.WithCancel(t.Context())
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		half := &mute{Conn: c, stop: cancel}
		_ = tls.Client(half, clientTLS("")).HandshakeContext(ctx)
	}
	r.join(t, connect{user: "u_1"}).ping()
}

// mute is a connection that says one thing only.
type mute struct {
	net.Conn
	said bool
	stop func()
}

func (m *mute) Write(p []byte) (int, error) {
	if m.said {
		m.stop()
		return len(p), nil
	}
	m.said = true
	return m.Conn.Write(p)
}

func (m *mute) Close() error { return nil }

func TestAnOversizedFirstPacketIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	for name, head := range map[string][]byte{
		"256 MiB of CONNECT": {0x10, 0xff, 0xff, 0xff, 0x7f},
		"17 KiB of CONNECT":  {0x10, 0x80, 0x88, 0x01},
		"endless length":     {0x10, 0x80, 0x80, 0x80, 0x80, 0x80},
		"PUBLISH":            {0x30, 0x02},
		"HTTP":               []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		w := r.dial(t, clientTLS(""))
		began := time.Now()
		_, _ = w.conn.Write(head)
		w.closed()
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s: closed after %v", name, took)
		}
	}
	r.untilMetric(t, "connects_refused_total", "protocol", 5)
}

func TestAnOversizedPacketEndsTheConnection(t *testing.T) {
	t.Parallel()
	r := start(t, nil)
	w := r.join(t, connect{user: "A1"})
	w.deliver(reportA1, strings.Repeat("x", 255<<10), 1)
	_, _ = w.conn.Write([]byte{0x30, 0xff, 0xff, 0xff, 0x7f})
	w.closed()
	if len(r.reports) != 1 {
		t.Errorf("%d reports", len(r.reports))
	}
}

func TestPeekReadsTheHeaderOnly(t *testing.T) {
	t.Parallel()
	in := bytes.NewReader([]byte{0x10, 0x85, 0x01, 'r', 'e', 's', 't'})
	head, err := peek(in, 1000)
	if err != nil || !bytes.Equal(head, []byte{0x10, 0x85, 0x01}) || in.Len() != 4 {
		t.Errorf("got %x, %v, left %d", head, err, in.Len())
	}
}

func FuzzPeek(f *testing.F) {
	f.Add([]byte{0x10, 0x85, 0x01, 0})
	f.Add([]byte{0x10, 0xff, 0xff, 0xff, 0x7f})
	f.Add([]byte{0x30})
	f.Fuzz(func(t *testing.T, data []byte) {
		head, err := peek(bytes.NewReader(data), 16<<10)
		if (err == nil) == (head == nil) {
			t.Fatalf("got %x and %v", head, err)
		}
		if err == nil && (!bytes.HasPrefix(data, head) || head[0] != 0x10 || head[len(head)-1] >= 0x80) {
			t.Fatalf("took %x of %x", head, data)
		}
	})
}

func TestTheDoorCountsThoseOutside(t *testing.T) {
	t.Parallel()
	d := newDoor(Limits{PerAddress: 2, Connections: 5}.filled())
	arrive := func(from string) bool {
		_, ok := d.admit(netip.MustParseAddr(from))
		if ok {
			d.pending <- struct{}{}
		}
		return ok
	}
	for i := range 3 {
		if arrive("192.0.2.1") != (i < 2) {
			t.Errorf("an address has room for two, not %d", i)
		}
	}
	d.entered(netip.MustParseAddr("192.0.2.1"))
	if !arrive("192.0.2.1") {
		t.Error("who has signed in still counts against the address")
	}
	if !arrive("2001:db8::1") || !arrive("2001:db8::2") {
		t.Error("another address has no room")
	}
	d.left()
	if arrive("2001:db8::3") {
		t.Error("a third of the same IPv6 network came in")
	}
	if !arrive("127.0.0.1") || arrive("127.0.0.1") {
		t.Error("loopback is bounded by the total only")
	}
	if reason, _ := d.admit(netip.MustParseAddr("127.0.0.1")); reason != "full" {
		t.Errorf("refused for %q", reason)
	}
}

func TestLoopbackHasRoomForMany(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.PerAddress = 1 })
	for range 5 {
		r.dial(t, clientTLS("")) // silent
	}
	r.join(t, connect{user: "u_1"}).ping()
}

func TestAUserHasSoManyConnections(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.PerActor = 2 })
	first := r.join(t, connect{user: "u_1", id: "a"})
	r.join(t, connect{user: "u_1", id: "b"})
	r.join(t, connect{user: "u_2", id: "a"}).ping()
	for version, want := range map[byte]byte{4: 3, 5: 0x97} {
		if ack := r.dial(t, clientTLS("")).connect(connect{user: "u_1", id: "c", version: version}); ack.ReasonCode != want {
			t.Errorf("the third got %#x on MQTT %d", ack.ReasonCode, version)
		}
	}
	r.join(t, connect{user: "u_1", id: "b"}).ping() // takes its own place
	first.conn.Close()
	r.until(t, "there is room", func() bool { return r.metric(t, "connections", "") == 2 })
	r.join(t, connect{user: "u_1", id: "c"}).ping()
}

func TestTheTotalOfConnectionsIsBounded(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) { c.Limits.Connections = 1 })
	r.join(t, connect{user: "u_1", id: "a"})
	conn, err := tls.Dial("tcp", r.addr, clientTLS(""))
	if err == nil {
		conn.Close()
		t.Error("a second was let in")
	}
	r.untilMetric(t, "connects_refused_total", "full", 1)
}

func TestThoseBeyondPendingWaitTheirTurn(t *testing.T) {
	t.Parallel()
	r := start(t, func(c *Config) {
		c.Limits.Pending = 2
		c.Limits.Handshake = time.Second
	})
	for range 3 {
		c, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	r.join(t, connect{user: "u_1"}).ping()
}

func TestTLSIsStrict(t *testing.T) {
	t.Parallel()
	inner := 0
	r := start(t, func(c *Config) {
		c.TLS = serverTLS()
		c.TLS.MinVersion = tls.VersionTLS10
		c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if inner++; inner%2 == 0 {
				return nil, nil
			}
			return serverTLS(), nil
		}
	})
	for range 2 {
		old := clientTLS("")
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		if conn, err := tls.Dial("tcp", r.addr, old); err == nil {
			conn.Close()
			t.Error("TLS 1.1 was taken")
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		cfg := clientTLS("grove.test")
		cfg.MaxVersion = version
		cfg.ClientSessionCache = tls.NewLRUClientSessionCache(10)
		for range 4 {
			w := r.dial(t, cfg)
			w.connect(connect{user: "u_1"})
			w.ping()
			if conn, ok := w.conn.(*tls.Conn); !ok || conn.ConnectionState().DidResume {
				t.Errorf("TLS %#x: a session was resumed, so tickets are sent", version)
			}
			w.conn.Close()
		}
	}
}

// The specification's Python example connects, publishes twice, disconnects and
// closes without reading anything.
func TestWhoPublishesAndLeavesIsHeard(t *testing.T) {
	t.Parallel()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for qos := range byte(3) {
			t.Run(fmt.Sprintf("TLS %#x QoS %d", version, qos), func(t *testing.T) {
				t.Parallel()
				r := start(t, nil)
				cfg := clientTLS("")
				cfg.MaxVersion = version
				const rounds = 200
				for i := range rounds {
					w := r.dial(t, cfg)
					id := strconv.Itoa(i)
					bye := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}}
					w.send(w.hello(connect{user: "u_1", id: id}))
					w.send(publishing(requestA1, "first "+id, qos, uint16(qos)))
					w.send(publishing(requestA1, "second "+id, qos, 2*uint16(qos)))
					w.send(bye)
					w.conn.Close()
				}
				r.until(t, "all are heard", func() bool { return len(r.requests) == 2*rounds })
			})
		}
	}
}
