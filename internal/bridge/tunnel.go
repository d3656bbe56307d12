package bridge

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// A bridge elsewhere dials in, and over that one connection the cloud is the client
// of HTTP/2 and the bridge its server, which opens connections to printers. All that
// printers are told is said here, so the bridge knows no access code.
const (
	// Upgrade is the protocol that a bridge asks for.
	Upgrade = "grove-bridge"

	headPulse   = "Grove-Pulse"
	headReason  = "Grove-Reason"
	headAddress = "Grove-Address"

	pathPulse  = "/pulse"
	pathSearch = "/search"
	pathEnd    = "/end"

	maxTrouble = 8 << 10
	maxFinds   = 4 << 20
	maxSaid    = 300
)

// Reasons why a printer behind a bridge gets nothing.
const (
	reasonNoBridge = "bridge_offline"
	// ReasonLapsed is Conflict: the bridge was not heard for so long that a start
	// could arrive late.
	ReasonLapsed = "bridge_lapsed"

	// ReasonReplaced and ReasonRevoked tell a bridge why its connection ends for good.
	ReasonReplaced = "bridge_replaced"
	ReasonRevoked  = "bridge_revoked"
)

// Fence is how old news of the other end may be. A byte that reaches the bridge was
// sent less than Deaf ago, or it finds the printers' connections closed: whatever the
// network holds back for longer than that reaches no printer.
type Fence struct {
	// Pulse is how often the ends prove each other: 2 s.
	Pulse time.Duration
	// Deaf is without proof for how long a bridge ends its connections to printers, and
	// the cloud starts nothing through it: 10 s.
	Deaf time.Duration
	// Lease is without proof for how long the cloud holds the connection, so that a
	// stop or a pause still passes: 15 s.
	Lease time.Duration
}

func (f Fence) complete() Fence {
	for at, usual := range map[*time.Duration]time.Duration{&f.Pulse: 2 * time.Second, &f.Deaf: 10 * time.Second, &f.Lease: 15 * time.Second} {
		if *at == 0 {
			*at = usual
		}
	}
	return f
}

// age is how long ago something was, by both clocks: one stands still while the
// machine sleeps, the other may be set back.
func age(at time.Time) time.Duration {
	return max(time.Since(at), time.Now().Round(0).Sub(at.Round(0)))
}

// Arrival is a bridge that came in: its id, and what is known of it.
type Arrival struct {
	ID string
	grove.BridgeSeen
}

// tunnel is the connection of a bridge.
type tunnel struct {
	Arrival

	fence Fence
	http  *http.ClientConn
	over  context.Context //nolint:containedctx // the life of the connection, which outlasts every call over it
	end   context.CancelCauseFunc

	mu    sync.Mutex
	heard time.Time // when that was said which was answered last
	mark  string    // of the bridge, to be said back
}

// Serve carries printers over the connection of a bridge until it ends, and says
// why it did. It closes conn.
func (b *Bridge) Serve(ctx context.Context, conn net.Conn, a Arrival) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(ctx, func() {
		time.AfterFunc(farewell, func() { _ = conn.Close() })
	})()
	defer func() { _ = conn.Close() }()
	t, err := b.open(ctx, conn, a, end)
	if err != nil {
		return fmt.Errorf("bridge %s: %w", a.ID, err)
	}
	defer func() { _ = t.http.Close() }()
	if err := b.admit(t); err != nil {
		t.leave(err)
		return err
	}
	log := b.cfg.Log.With(slog.String("bridge", a.ID), slog.String("address", a.Address))
	log.Info("bridge connected", slog.Int64("epoch", a.Epoch), slog.String("version", a.Version))
	err = t.beat(conn)
	b.dismissTunnel(t)
	t.leave(err)
	log.Info("bridge gone", slog.Any("error", err))
	return err
}

// open makes the cloud the client of the other end, and waits for its first answer.
func (b *Bridge) open(ctx context.Context, conn net.Conn, a Arrival, end context.CancelCauseFunc) (*tunnel, error) {
	speak := &http.Transport{
		Protocols:   new(http.Protocols),
		DialContext: func(context.Context, string, string) (net.Conn, error) { return conn, nil },
		HTTP2:       &http.HTTP2Config{MaxReceiveBufferPerStream: 256 << 10, MaxReceiveBufferPerConnection: 4<<20 - 1},
	}
	speak.Protocols.SetUnencryptedHTTP2(true) // it is inside of TLS already
	one, err := speak.NewClientConn(ctx, "http", "bridge:80")
	if err != nil {
		return nil, err
	}
	t := &tunnel{Arrival: a, fence: b.cfg.Fence, http: one, over: ctx, end: end}
	t.Connected, t.Since = true, time.Now().UTC()
	late := time.AfterFunc(b.cfg.Patience, func() { _ = conn.Close() })
	defer late.Stop()
	if err := t.pulse(); err != nil {
		return nil, errors.Join(err, one.Close())
	}
	return t, nil
}

// admit makes a tunnel that of its bridge. The later arrival wins, whatever is
// slower on the way here.
func (b *Bridge) admit(t *tunnel) error {
	b.mu.Lock()
	older := b.tunnels[t.ID]
	if older != nil && older.Epoch >= t.Epoch {
		b.mu.Unlock()
		return replaced(t.ID)
	}
	b.tunnels[t.ID] = t
	b.mu.Unlock()
	if older != nil {
		older.end(replaced(t.ID))
	}
	b.metrics.tunnels.Inc()
	b.cfg.Moved(t.Arrival)
	b.wakeBehind(t.ID)
	return nil
}

func replaced(id string) error {
	return grove.Errorf(grove.Conflict, ReasonReplaced,
		"another bridge came in with the key of %s, and the later one stays; give each bridge a key of its own", id)
}

func (b *Bridge) dismissTunnel(t *tunnel) {
	b.mu.Lock()
	last := b.tunnels[t.ID] == t
	if last {
		delete(b.tunnels, t.ID)
	}
	b.mu.Unlock()
	b.metrics.tunnels.Dec()
	if last {
		gone := t.Arrival
		gone.Connected = false
		b.cfg.Moved(gone)
	}
}

// wakeBehind lets the printers behind a bridge be connected without a pause.
func (b *Bridge) wakeBehind(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, l := range b.lines {
		l.mu.Lock()
		behind := l.lan.Bridge == id
		l.mu.Unlock()
		if behind {
			l.now()
		}
	}
}

// CutBridge ends the connection of a bridge for good.
func (b *Bridge) CutBridge(id string) {
	if t := b.tunnel(id); t != nil {
		t.end(grove.Errorf(grove.Forbidden, ReasonRevoked, "the key of %s was revoked", id))
	}
}

// PauseBridge ends the connection of a bridge whose account is locked. It tries again,
// and is refused until that is over.
func (b *Bridge) PauseBridge(id string) {
	if t := b.tunnel(id); t != nil {
		t.end(grove.Errorf(grove.Forbidden, grove.ReasonAccountLocked, "the account of %s is locked", id))
	}
}

// BridgeNow tells of a bridge that is connected.
func (b *Bridge) BridgeNow(id string) (seen grove.BridgeSeen, connected bool) {
	t := b.tunnel(id)
	if t == nil {
		return grove.BridgeSeen{}, false
	}
	return t.BridgeSeen, true
}

func (b *Bridge) tunnel(id string) *tunnel {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tunnels[id]
}

// reached is the tunnel of a bridge, or why there is none.
func (b *Bridge) reached(id string) (*tunnel, error) {
	if t := b.tunnel(id); t != nil {
		return t, nil
	}
	return nil, &trouble{reasonNoBridge, "the bridge " + id + " of its network is not connected", "see that grove bridge runs there and reaches this cloud", nil}
}

// beat proves the other end again and again until ctx or the lease ends.
func (t *tunnel) beat(conn net.Conn) error {
	lapse := time.AfterFunc(t.fence.Lease, func() { t.end(errSilent); _ = conn.Close() })
	defer lapse.Stop()
	tick := time.NewTicker(t.fence.Pulse)
	defer tick.Stop()
	for {
		select {
		case <-t.over.Done():
			return context.Cause(t.over)
		case <-tick.C:
		}
		if err := t.pulse(); err != nil {
			return cmp.Or(context.Cause(t.over), err)
		}
		lapse.Reset(t.fence.Lease)
	}
}

var errSilent = errors.New("the bridge is not heard any more")

// pulse says the bridge's mark back, which proves to it that we hear, and takes the
// next. What has no body passes also where streams are stuck.
func (t *tunnel) pulse() error {
	said := time.Now()
	t.mu.Lock()
	mark := t.mark
	t.mu.Unlock()
	answer, err := t.ask(t.over, http.MethodGet, pathPulse, http.Header{headPulse: {mark}}, nil)
	if err != nil {
		return err
	}
	_ = answer.Body.Close()
	mark = answer.Header.Get(headPulse)
	if answer.StatusCode != http.StatusNoContent || mark == "" || len(mark) > 64 {
		return errors.New("the other end is no bridge")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.heard, t.mark = said, mark
	return nil
}

func (t *tunnel) ask(ctx context.Context, method, path string, head http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://bridge"+path, body)
	if err != nil {
		return nil, err
	}
	r.Header = head
	return t.http.RoundTrip(r)
}

// leave tells the bridge why its connection ends.
func (t *tunnel) leave(why error) {
	e, ours := errors.AsType[*grove.Error](why)
	if !ours {
		return // it is gone, or will come again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.over), farewell/2)
	defer cancel()
	if answer, err := t.ask(ctx, http.MethodPost, pathEnd, http.Header{headReason: {e.Reason}}, nil); err == nil {
		_ = answer.Body.Close()
	}
}

// mayStart refuses starts through a bridge while they could arrive late.
func (b *Bridge) mayStart(bridge string) func() error {
	return func() error {
		if bridge == "" {
			return nil
		}
		t, err := b.reached(bridge)
		if err != nil {
			return troubleOf(err).told()
		}
		return t.mayStart()
	}
}

// mayStart refuses a start that could arrive late.
func (t *tunnel) mayStart() error {
	t.mu.Lock()
	heard := t.heard
	t.mu.Unlock()
	if quiet := age(heard); quiet > t.fence.Deaf || t.over.Err() != nil {
		return grove.Errorf(grove.Conflict, ReasonLapsed,
			"bridge %s was not heard for %d s, so a start could reach the printer late; stop and pause still pass, and it goes on by itself when the bridge is heard again", t.ID, int(quiet.Seconds()))
	}
	return nil
}

// dial has the bridge connect to a printer.
func (t *tunnel) dial(ctx context.Context, address string) (net.Conn, error) {
	over, end := context.WithCancel(t.over)
	up, in := io.Pipe()
	r := (&http.Request{
		Method: http.MethodConnect, URL: &url.URL{Scheme: "http", Host: address}, Host: address, Header: http.Header{}, Body: up,
	}).WithContext(over)
	patient := context.AfterFunc(ctx, end)
	answer, err := t.http.RoundTrip(r)
	if !patient() && err == nil { // too late
		err = errors.Join(context.Cause(ctx), answer.Body.Close())
	}
	if err != nil {
		end()
		return nil, &trouble{reasonUnreachable, "the bridge " + t.ID + " does not get through to " + address, "check that the printer is on and in the network of the bridge", err}
	}
	remote, err := netip.ParseAddrPort(answer.Header.Get(headAddress))
	if answer.StatusCode != http.StatusOK || err != nil {
		defer end()
		return nil, toldBy(answer)
	}
	return newStream(remote, in, answer.Body, end), nil
}

// told is what a bridge says went wrong.
type told struct {
	Reason string `json:"reason"`
	Found  string `json:"found"`
	Advice string `json:"advice"`
}

// toldBy reads why a bridge did not do what it was asked for.
func toldBy(answer *http.Response) error {
	defer func() { _ = answer.Body.Close() }()
	var said told
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxTrouble)).Decode(&said); err != nil {
		return &trouble{reasonLost, "the bridge does not answer as bridges do", "update it to the cloud's version", err}
	}
	if said.Reason != reasonForeign && said.Reason != reasonUnreachable { // it makes up no words of ours
		said.Reason = reasonLost
	}
	return &trouble{said.Reason, plainText(said.Found, maxSaid), plainText(said.Advice, maxSaid), nil}
}

// search has a bridge look for printers in its network.
func (t *tunnel) search(ctx context.Context, s grove.LANSearch) ([]grove.FoundPrinter, error) {
	ctx, cancel := context.WithTimeout(ctx, longestLook+farewell)
	defer cancel()
	defer context.AfterFunc(t.over, cancel)()
	wish, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	answer, err := t.ask(ctx, http.MethodPost, pathSearch, http.Header{}, strings.NewReader(string(wish)))
	if err != nil {
		return nil, (&trouble{reasonNoBridge, "the bridge " + t.ID + " did not answer", "try again in a moment", err}).told()
	}
	if answer.StatusCode != http.StatusOK {
		return nil, troubleOf(toldBy(answer)).told()
	}
	defer func() { _ = answer.Body.Close() }()
	var said []grove.FoundPrinter
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxFinds)).Decode(&said); err != nil {
		return nil, (&trouble{reasonLost, "what the bridge " + t.ID + " found can't be read", "try again in a moment", err}).told()
	}
	found := &finds{by: map[string]grove.FoundPrinter{}}
	for _, p := range said {
		for _, word := range []*string{&p.Host, &p.Name, &p.Model, &p.Firmware, &p.Connect, &p.Bind, &p.Found} {
			*word = plainText(*word, maxWords)
		}
		p.Bound = false
		found.add(p)
	}
	return found.all(), nil
}
