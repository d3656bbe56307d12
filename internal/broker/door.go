package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove/internal/tcp"
)

// door counts who stands outside and who is inside. Only those that have not
// signed in yet count against their address: many printers share one.
type door struct {
	pending chan struct{} // held by each connection that has not signed in
	slots   chan struct{} // held while a handshake is computed

	mu    sync.Mutex
	all   int
	maxIn int
	maxOf int
	of    map[netip.Addr]int
}

func newDoor(l Limits) door {
	return door{
		pending: make(chan struct{}, l.Pending),
		slots:   make(chan struct{}, l.Handshakes),
		maxIn:   l.Connections,
		maxOf:   l.PerAddress,
		of:      make(map[netip.Addr]int),
	}
}

// wait returns when there is room for one more outside, false when ctx has ended.
func (d *door) wait(ctx context.Context) bool {
	select {
	case d.pending <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// admit counts a connection, or says why there is no room for it.
func (d *door) admit(from netip.Addr) (reason string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all >= d.maxIn {
		return "full", false
	}
	if !from.IsLoopback() {
		if d.of[network(from)] >= d.maxOf {
			return "address", false
		}
		d.of[network(from)]++
	}
	d.all++
	return "", true
}

// entered stops counting a connection against its address.
func (d *door) entered(from netip.Addr) {
	<-d.pending
	if from.IsLoopback() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.of[network(from)]--; d.of[network(from)] <= 0 {
		delete(d.of, network(from))
	}
}

func (d *door) left() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all--
}

// network is what counts as one address: an IPv6 customer has a /64 at least.
func network(a netip.Addr) netip.Addr {
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

// entry is a listener and the TLS spoken there; nil for none.
type entry struct {
	listener net.Listener
	tls      *tls.Config
}

// accept lets connections in until ctx ends. An error of the listener, such as
// too many open files, makes it wait and try again; only a listener closed by
// somebody else ends it.
func (b *Broker) accept(ctx context.Context, l entry, inside *sync.WaitGroup) error {
	var pause time.Duration
	for b.door.wait(ctx) {
		raw, err := l.listener.Accept()
		if err == nil {
			pause = 0
			inside.Go(func() { b.receive(ctx, raw, l.tls) })
			continue
		}
		<-b.door.pending
		if errors.Is(err, net.ErrClosed) {
			return unlessEnded(ctx, err)
		}
		pause = min(max(2*pause, 5*time.Millisecond), time.Second)
		b.metrics.stumbles.Inc()
		b.cfg.Log.Error("mqtt connection not accepted", slog.Any("error", err), slog.Duration("retry_in", pause))
		wait(ctx, pause)
	}
	return nil
}

// unlessEnded gives the error of a listener that we did not close ourselves.
func unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return fmt.Errorf("accept mqtt connections: %w", err)
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// receive serves one connection from its first byte to its last.
func (b *Broker) receive(ctx context.Context, raw net.Conn, secure *tls.Config) {
	from := address(raw)
	reason, ok := b.door.admit(from)
	if !ok {
		<-b.door.pending
		b.metrics.refused.WithLabelValues(reason).Inc()
		_ = raw.Close()
		return
	}
	defer b.door.left()
	s := newSession(b, raw, from, secure)
	defer s.close()
	stop := context.AfterFunc(ctx, func() { s.abort(closing) })
	defer stop()
	defer b.survive(s)
	if err := b.greet(ctx, s); err != nil {
		b.cfg.Log.Debug("mqtt connection refused", slog.String("remote", from.String()), slog.Any("error", err))
		return
	}
	s.finish(b.engine.EstablishConnection("mqtts", s))
}

// survive keeps a bug in one connection from ending the others.
func (b *Broker) survive(s *session) {
	v := recover()
	if v == nil {
		return
	}
	b.metrics.panics.Inc()
	b.cfg.Log.Error("mqtt connection ended by a bug", slog.Any("panic", v), slog.String("actor", s.actor.String()), slog.String("stack", string(debug.Stack())))
	s.abort(broken)
}

// greet shakes hands and looks at the first packet before the engine makes room
// for it: it must be a CONNECT of moderate size.
func (b *Broker) greet(ctx context.Context, s *session) error {
	_ = s.socket.SetDeadline(time.Now().Add(b.cfg.Limits.Handshake))
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Limits.Handshake)
	defer cancel()
	err := s.shakeHands(ctx)
	if err != nil {
		b.metrics.handshakes.Inc()
		return fmt.Errorf("shake hands: %w", err)
	}
	if s.head, err = peek(s.Conn, b.cfg.Limits.ConnectBytes); err != nil {
		b.metrics.refused.WithLabelValues("protocol").Inc()
		return fmt.Errorf("read first packet: %w", err)
	}
	return nil
}

func (s *session) shakeHands(ctx context.Context) error {
	if s.tls == nil {
		return nil
	}
	err := s.tls.HandshakeContext(ctx)
	s.socket.release()
	s.sni = s.tls.ConnectionState().ServerName
	return err
}

// peek reads the fixed header of a CONNECT packet, no further, and gives it back
// for the engine to read again.
func peek(r io.Reader, most int) ([]byte, error) {
	head := make([]byte, 1, 5)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, fmt.Errorf("read packet type: %w", err)
	}
	if head[0] != packets.Connect<<4 {
		return nil, fmt.Errorf("packet type %d instead of CONNECT", head[0]>>4)
	}
	for length := 0; len(head) < cap(head); {
		n := len(head)
		head = head[:n+1]
		if _, err := io.ReadFull(r, head[n:]); err != nil {
			return nil, fmt.Errorf("read packet length: %w", err)
		}
		length |= int(head[n]&0x7f) << (7 * (n - 1))
		if length > most {
			break
		}
		if head[n] < 0x80 {
			return head, nil
		}
	}
	return nil, fmt.Errorf("the CONNECT packet is longer than %d bytes", most)
}

// harden gives the TLS configuration that connections use. Session tickets are
// written after the handshake: to a client that has closed by then, and the
// answer to that resets the connection before what the client said is read.
func (b *Broker) harden(given *tls.Config) *tls.Config {
	inner := given.GetConfigForClient
	cfg := strict(given)
	cfg.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if s, ok := hello.Conn.(*socket); ok {
			if err := s.acquire(hello.Context(), b.door.slots); err != nil {
				return nil, err
			}
		}
		if inner == nil {
			return nil, nil //nolint:nilnil // crypto/tls: nil means the configuration at hand
		}
		own, err := inner(hello)
		if own == nil || err != nil {
			return nil, err
		}
		return strict(own), nil
	}
	return cfg
}

func strict(given *tls.Config) *tls.Config {
	cfg := given.Clone()
	cfg.MinVersion = max(cfg.MinVersion, tls.VersionTLS12)
	cfg.SessionTicketsDisabled = true
	return cfg
}

// socket is the TCP connection below TLS. It holds a handshake slot from the
// moment the client's hello has been read until the handshake reads again: while
// we compute, never while the client is silent.
type socket struct {
	net.Conn
	slots chan struct{}
}

func (s *socket) acquire(ctx context.Context, slots chan struct{}) error {
	select {
	case slots <- struct{}{}:
		s.slots = slots
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for a handshake slot: %w", ctx.Err())
	}
}

func (s *socket) release() {
	if s.slots != nil {
		<-s.slots
		s.slots = nil
	}
}

// cut closes the connection at once, and nothing that waits arrives.
func (s *socket) cut() { tcp.Cut(s.Conn) }

// Read gives the handshake slot back and reads.
func (s *socket) Read(p []byte) (int, error) {
	s.release()
	return s.Conn.Read(p)
}

func address(c net.Conn) netip.Addr {
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
