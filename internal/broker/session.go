package broker

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/limit"
	"github.com/grovecloud/grove/internal/tcp"
)

// grace is how long the end of a connection may take once it is decided.
const grace = 250 * time.Millisecond

// ending is why a connection ended. The words may go into the printer's presence
// event, where ha-bambulab saw the vendor's cloud say keepalive_timeout.
type ending struct {
	reason string
	code   packets.Code // told to MQTT 5 clients; nothing is told when zero
}

var (
	kicked    = ending{"kicked", packets.ErrAdministrativeAction}
	closing   = ending{"server_shutdown", packets.ErrServerShuttingDown}
	takenOver = ending{"takenover", packets.ErrSessionTakenOver}
	slow      = ending{"slow_reader", packets.ErrQuotaExceeded}
	broken    = ending{"internal_error", packets.ErrUnspecifiedError}
)

// session is one connection. To the engine it is the network connection, so that
// every hook finds it without a lookup and no deadline or write of the engine
// escapes our rules.
type session struct {
	net.Conn // the TLS connection, or in an open broker's plain one the socket

	broker *Broker
	tls    *tls.Conn // nil on a plain connection
	socket *socket
	remote netip.Addr
	sni    string
	head   []byte // read by peek, not yet by the engine

	// Set once, before the session is in the roll.
	actor    grove.Actor
	client   *mqtt.Client
	name     string // principal and client id: what a newer connection takes over by
	v5       bool
	largest  uint32        // packet that an MQTT 5 client takes; 0 any
	greeting []byte        // the answer to the sign-in while it is held back; under writes
	greet    *time.Timer   // sends it; nil when nothing is held back
	patience time.Duration // silence before the client counts as gone; 0 until it has signed in
	pace     *limit.Pace   // of a printer

	// Used by the reading goroutine only.
	signed  bool // on the roll
	inside  bool // past the door
	filters map[string]bool
	watches map[string]int // filters by serial; "" is all

	everything atomic.Bool // watches all printers
	ended      atomic.Pointer[ending]
	waning     atomic.Bool // can't be written to; what it said is still read
	closed     sync.Once

	outbox outbox
	writes sync.Mutex
	deaf   bool // guarded by writes

	link attachment
}

func newSession(b *Broker, raw net.Conn, from netip.Addr, secure *tls.Config) *session {
	sock := &socket{Conn: raw}
	s := &session{
		Conn: sock, broker: b, socket: sock, remote: from,
		filters: make(map[string]bool), watches: make(map[string]int),
	}
	if secure != nil {
		s.tls = tls.Server(sock, secure)
		s.Conn = s.tls
	}
	return s
}

// settle agrees with a client that has signed in on how long it may be silent:
// three times its keep-alive, since the vendor's firmware does not cut off after
// one and a half, and slicers have come to rely on it. Printers get half of that,
// which is the standard's.
func (s *session) settle(standard time.Duration) {
	state := &s.client.State
	asked := time.Duration(state.Keepalive) * time.Second
	given := asked
	if asked == 0 {
		given = standard
	}
	if given = min(given, s.longestKeepalive()); given != asked {
		state.ServerKeepalive = true
		state.Keepalive = uint16(max(given/time.Second, 1)) //nolint:gosec // an hour at most
	}
	s.patience = 3 * given
	if s.actor.Kind == grove.ActorPrinter {
		s.patience /= 2
	}
}

// longestKeepalive is what the client may ask for; longer is told down (MQTT 5) or
// taken for it. A printer that is gone must be known to be gone. MQTT 3 has no word
// to tell it down with, and who asked for two minutes pings every two: held to one
// it would be cut off in every silence. TCP finds a dead one sooner anyhow.
func (s *session) longestKeepalive() time.Duration {
	switch {
	case s.actor.Kind != grove.ActorPrinter:
		return time.Hour
	case s.v5:
		return time.Minute
	}
	return 5 * time.Minute
}

// expectReports readies the connection of a printer: how fast it may report, and
// how long commands for it are under way at most.
func (s *session) expectReports() {
	b := s.broker
	s.pace = b.paces.get(s.actor.Serial, time.Now())
	if err := tcp.GiveUp(s.socket.Conn, b.cfg.Limits.Drain); err != nil {
		b.cfg.Log.Warn("commands may reach a printer late", slog.String("actor", s.actor.String()), slog.Any("error", err))
	}
}

// Read gives the engine what the client says, the peeked header first.
func (s *session) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	return s.Conn.Read(p)
}

// Write sends what the engine answers. It never fails: a client that publishes
// and closes without reading must still be heard to the end, and the engine
// stops reading at the first write that fails.
func (s *session) Write(p []byte) (int, error) {
	if s.inside && s.actor.Kind != grove.ActorPrinter && len(p) > 0 && p[0]>>4 == packets.Connack {
		s.holdBack(p)
		return len(p), nil
	}
	s.transmit(p, time.Now().Add(s.broker.cfg.Limits.Drain))
	return len(p), nil
}

// patient is how long a client's answer to its sign-in is held back.
const patient = 50 * time.Millisecond

// holdBack sends the answer to a sign-in a little later, or with the next thing
// that is sent. A client that publishes twice and closes without ever reading (the
// Python example of the API's documentation) must be heard to the end: if an unread
// answer is there when it closes, its kernel resets the connection and drops what
// it has not sent yet. Who waits for the answer hardly notices.
func (s *session) holdBack(p []byte) {
	s.writes.Lock()
	defer s.writes.Unlock()
	s.greeting = bytes.Clone(p)
	s.greet = time.AfterFunc(patient, func() { s.transmit(nil, time.Now().Add(s.broker.cfg.Limits.Drain)) })
}

// transmit writes whole packets, until the given time at most; first of all what
// was held back.
func (s *session) transmit(p []byte, until time.Time) {
	s.writes.Lock()
	defer s.writes.Unlock()
	greets := len(s.greeting) > 0
	if greets {
		s.greet.Stop()
		p, s.greeting = append(s.greeting, p...), nil
	}
	if s.deaf || len(p) == 0 {
		return
	}
	_ = s.socket.SetWriteDeadline(until)
	_, err := s.Conn.Write(p)
	if err == nil {
		if greets {
			_ = tcp.Acknowledge(s.socket.Conn) // for one that publishes only now; most are heard without
		}
		return
	}
	s.deaf = true
	s.outbox.shut()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.abort(slow)
		return
	}
	s.waning.Store(true)
	_ = s.socket.SetReadDeadline(time.Now().Add(s.broker.cfg.Limits.Drain))
}

// SetDeadline is called by the engine before it reads a packet. The limit is
// ours: the engine's sum of seconds overflows, and it is too strict for slicers,
// which forget to ping.
func (s *session) SetDeadline(time.Time) error {
	if s.ended.Load() != nil || s.patience == 0 {
		return nil
	}
	patience := s.patience
	if s.waning.Load() {
		patience = s.broker.cfg.Limits.Drain
	}
	return s.socket.SetReadDeadline(time.Now().Add(patience))
}

// Close is called by the engine in the reading goroutine. It says goodbye if that
// is quickly done; if the other end does not read, it never gets what waits.
func (s *session) Close() error {
	s.closed.Do(func() {
		s.outbox.shut()
		sure := time.AfterFunc(grace, s.socket.cut)
		if heard := s.farewell(); !heard {
			s.socket.cut()
		}
		_ = s.Conn.Close()
		sure.Stop()
	})
	return nil
}

// farewell tells an MQTT 5 client why, and reports whether it can be written to.
func (s *session) farewell() (heard bool) {
	if !s.writes.TryLock() {
		return false
	}
	defer s.writes.Unlock()
	if s.greet != nil {
		s.greet.Stop()
	}
	e := s.ended.Load()
	if e == nil || e.code.Code == 0 || !s.v5 || s.deaf {
		return !s.deaf
	}
	b := *bytes.NewBuffer(s.greeting) // it comes first, if it was held back so far
	s.greeting = nil
	pk := packets.Packet{
		ProtocolVersion: 5,
		FixedHeader:     packets.FixedHeader{Type: packets.Disconnect},
		ReasonCode:      e.code.Code,
	}
	if err := pk.DisconnectEncode(&b); err == nil {
		_ = s.socket.SetWriteDeadline(time.Now().Add(grace))
		_, err = s.Conn.Write(b.Bytes())
		heard = err == nil
	}
	return heard
}

// abort ends the session from any goroutine, without waiting: the reader wakes
// and leaves; if it is busy, the socket is closed under it.
func (s *session) abort(why ending) {
	if !s.ended.CompareAndSwap(nil, &why) {
		return
	}
	s.broker.metrics.cut.WithLabelValues(why.reason).Inc()
	s.outbox.shut()
	now := time.Now()
	_ = s.socket.SetWriteDeadline(now.Add(grace))
	_ = s.socket.SetReadDeadline(now)
	time.AfterFunc(grace, s.socket.cut)
}

// finish records how a session ended by itself.
func (s *session) finish(err error) {
	s.ended.CompareAndSwap(nil, &ending{reason: reasonOf(err)})
}

func reasonOf(err error) string {
	var code packets.Code
	switch {
	case err == nil, errors.Is(err, packets.CodeDisconnectWillMessage):
		return "normal"
	case errors.Is(err, os.ErrDeadlineExceeded):
		return "keepalive_timeout"
	case errors.As(err, &code):
		return "protocol_error"
	}
	return "tcp_closed"
}

// close undoes everything, in the reading goroutine, however far the session came.
func (s *session) close() {
	b := s.broker
	s.finish(io.EOF)
	_ = s.Close()
	s.outbox.wait()
	for serial := range s.watches {
		b.viewers.remove(serial, s)
	}
	s.link.end(s.ended.Load().reason)
	b.roll.strike(s)
	if s.inside {
		b.metrics.connections.WithLabelValues(string(s.actor.Kind)).Dec()
		b.cfg.Log.Debug("mqtt client left", slog.String("actor", s.actor.String()), slog.String("reason", s.ended.Load().reason))
	} else {
		b.door.entered(s.remote)
	}
	if s.client != nil && !b.open {
		b.forget(s.client)
	}
}

// forget clears what the engine keeps of a client that did not leave by its book.
func (b *Broker) forget(cl *mqtt.Client) {
	if _, ok := b.engine.Clients.Get(cl.ID); ok {
		b.engine.UnsubscribeClient(cl)
		b.engine.Clients.Delete(cl.ID)
	}
}

// show queues a report for a viewer. When there is no room the oldest goes, and a
// viewer that loses too many is cut off.
func (s *session) show(m *message) {
	packet := m.encoded(s.v5, s.actor.Kind == grove.ActorCode)
	if s.largest > 0 && uint64(len(packet)) > uint64(s.largest) {
		s.broker.metrics.dropped.WithLabelValues("too_large").Inc()
		return
	}
	lost, ok := s.outbox.push(s, packet)
	if !ok {
		return
	}
	s.broker.metrics.out.WithLabelValues(string(s.actor.Kind)).Inc()
	if lost == 0 {
		return
	}
	s.broker.metrics.dropped.WithLabelValues("slow").Inc()
	if lost > s.broker.cfg.Limits.Drops {
		s.abort(slow)
	}
}
