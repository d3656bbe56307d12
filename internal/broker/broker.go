// Package broker is the MQTT face of the house: printers and clients come in
// here. It speaks MQTT 3.1, 3.1.1 and 5 over TLS, keeps nothing for anybody who
// is away, and hands what is said to the rules.
//
// The protocol engine below it reads packets and acknowledges them. Who may
// listen, who gets what and how a slow reader is treated is decided here, since
// a message must be delivered to those who may see it at that moment, at QoS 0,
// without ever holding up the printer that sent it.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/limit"
)

// Knock is what a client says when it connects.
type Knock struct {
	Username string
	Password grove.Secret
	SNI      string     // the server name of the TLS handshake; empty without one
	Remote   netip.Addr // IPv4 is never mapped into IPv6; invalid when the transport has no address
	Client   string     // the client id that it gave itself
}

// Gate says who comes in and who may do what.
type Gate interface {
	// Enter names the actor behind a knock. Unauthenticated and Limited errors
	// are told to the client as far as its protocol version has a word for them.
	Enter(ctx context.Context, k Knock) (grove.Actor, error)
	// May is asked for every delivery, so it must not block, lock or allocate.
	May(actor grove.Actor, action grove.Action, serial string) bool
}

// Link is the live connection to a printer. Send takes a request for it or fails
// at once: Conflict when the connection is gone, Unavailable when the printer
// does not read fast enough. Nothing is kept for a later connection, and what
// could not be written until the given time, or within [Limits.Drain], never is: late
// is called, from another goroutine, when not a byte of it was. Close ends the connection.
type Link = interface {
	Send(payload []byte, until time.Time, late func()) error
	Close(reason string)
}

// Printers is told what printers and their clients say. Its methods are called
// in the goroutine that reads from the connection: a slow one slows down that
// connection only.
type Printers interface {
	// Attach is called when a printer listens for requests. The function it gives
	// is called exactly once, before the link of a newer connection is attached.
	Attach(serial string, link Link) (detach func(reason string))
	// Observe takes a report and gives what subscribers see of it, nil for nothing.
	// The payload may be kept and must not be changed.
	Observe(serial string, payload []byte) []byte
	// Request takes what a user or the holder of an access code wants of a printer.
	// Reply may be called at any time, also after Request has returned.
	Request(ctx context.Context, actor grove.Actor, serial string, payload []byte, reply func([]byte))
}

// Config is what a Broker is made of. Listener, TLS, Gate and Printers are needed.
type Config struct {
	Listener net.Listener // plain TCP; Run closes it
	TLS      *tls.Config  // TLS 1.2 and no session tickets are enforced on a copy of it
	Gate     Gate
	Printers Printers
	// Limit is asked for every request of a user or a code that is not urgent; nil
	// allows all. Retry is how long a refused client should wait.
	Limit func(actor grove.Actor) (ok bool, retry time.Duration)
	// Urgent tells the requests that are never limited; nil: none.
	Urgent func(payload []byte) bool
	// Refuse gives the report that answers a refused request, nil for none.
	Refuse   func(payload []byte, reason string) []byte
	Log      *slog.Logger
	Registry prometheus.Registerer
	Limits   Limits
}

// Limits bounds what clients may take. A zero field means the default.
type Limits struct {
	Handshake  time.Duration // for TLS and the CONNECT packet together; 10 s
	Handshakes int           // handshakes computed at a time; 64
	Pending    int           // connections that have not signed in yet; more wait unaccepted; 512
	PerAddress int           // of those, from one IPv4 address or IPv6 /64; loopback is exempt; 32
	PerActor   int           // connections of one user or access code; 100

	Connections   int           // all together; 20,000
	ConnectBytes  int           // of a CONNECT packet; 16 KiB
	PacketBytes   int           // of any other packet; 256 KiB
	Subscriptions int           // of one connection; 50
	Request       time.Duration // how old a request may get on its way through the rules; 10 s

	Flow limit.Flow // of what a printer may send; more is read later; [limit.Reports]

	Keepalive  time.Duration // of clients that ask for none; 120 s
	Queue      int           // messages that wait for a slow reader; 128
	QueueBytes int           // the same in bytes; 1 MiB
	Drops      int           // messages a reader may lose before it is cut off; 256
	Drain      time.Duration // how old a message may get while its reader is slow; 10 s
}

func (l Limits) filled() Limits {
	fill(&l.Handshake, 10*time.Second)
	fill(&l.Handshakes, 64)
	fill(&l.Pending, 512)
	fill(&l.PerAddress, 32)
	fill(&l.PerActor, 100)
	fill(&l.Connections, 20_000)
	fill(&l.ConnectBytes, 16<<10)
	fill(&l.PacketBytes, 256<<10)
	fill(&l.Subscriptions, 50)
	fill(&l.Request, 10*time.Second)
	if l.Flow == (limit.Flow{}) {
		l.Flow = limit.Reports()
	}
	fill(&l.Keepalive, 120*time.Second)
	fill(&l.Queue, 128)
	fill(&l.QueueBytes, 1<<20)
	fill(&l.Drops, 256)
	fill(&l.Drain, 10*time.Second)
	return l
}

func fill[T time.Duration | int](v *T, standard T) {
	if *v <= 0 {
		*v = standard
	}
}

// Broker lets printers and clients in and carries what they say.
type Broker struct {
	cfg     Config
	engine  *mqtt.Server
	entries []entry
	open    bool // see Open
	metrics *metrics

	door    door
	roll    roll
	viewers viewers
	resent  resent
	paces   paces
	serials atomic.Uint64 // numbers connections

	// within gives the context of one request; Run sets it before anybody comes in.
	within func(time.Duration) (context.Context, context.CancelFunc)
}

// New checks the configuration and makes a broker that does nothing until Run.
func New(cfg Config) (*Broker, error) {
	if cfg.Listener == nil || cfg.TLS == nil || cfg.Gate == nil || cfg.Printers == nil {
		return nil, errors.New("the MQTT broker needs a listener, a TLS configuration, a gate and printers")
	}
	b, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	b.entries = []entry{{cfg.Listener, b.harden(cfg.TLS)}}
	b.engine, err = newEngine(b)
	return b, err
}

// prepare makes a broker without entries and an engine.
func prepare(cfg Config) (*Broker, error) {
	if cfg.Limit == nil {
		cfg.Limit = func(grove.Actor) (bool, time.Duration) { return true, 0 }
	}
	if cfg.Urgent == nil {
		cfg.Urgent = func([]byte) bool { return false }
	}
	if cfg.Refuse == nil {
		cfg.Refuse = func([]byte, string) []byte { return nil }
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Registry == nil {
		cfg.Registry = prometheus.NewRegistry()
	}
	cfg.Limits = cfg.Limits.filled()
	b := &Broker{cfg: cfg}
	b.door = newDoor(cfg.Limits)
	b.roll = newRoll()
	b.viewers = newViewers()
	b.resent = newResent()
	b.paces = newPaces(cfg.Limits)
	var err error
	b.metrics, err = newMetrics(cfg.Registry)
	return b, err
}

// newEngine sets up the protocol engine. Its own event loop never runs: it would
// only publish statistics, expire sessions that are never kept, and walk over
// all connections every second.
func newEngine(b *Broker) (*mqtt.Server, error) {
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumClients = math.MaxInt64 // counted at the door
	c.MaximumClientWritesPending = 1 // never used: see outbox
	c.MaximumSessionExpiryInterval = 0
	c.MaximumPacketSize = b.packetSize()
	c.ReceiveMaximum = 32
	c.MaximumInflight = 32
	c.TopicAliasMaximum = 0
	c.SharedSubAvailable = 0
	c.RetainAvailable = 0
	c.SubIDAvailable = 0
	c.Compatibilities.NoInheritedPropertiesOnAck = true
	engine := mqtt.New(&mqtt.Options{Capabilities: c, Logger: quiet(b.cfg.Log)})
	return engine, engine.AddHook(&hook{broker: b}, nil)
}

func (b *Broker) packetSize() uint32 {
	return uint32(min(b.cfg.Limits.PacketBytes, math.MaxInt32)) //nolint:gosec // bounded just here
}

// Run lets clients in until ctx ends, then closes the listener and every
// connection and waits for them.
func (b *Broker) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	b.within = func(d time.Duration) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	var inside sync.WaitGroup
	defer inside.Wait()
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, e := range b.entries {
		context.AfterFunc(ctx, func() { _ = e.listener.Close() })
		g.Go(func() error { return b.accept(ctx, e, &inside) })
	}
	return g.Wait()
}

// Cut ends, within a second, the connections of the actors that match, also of
// those that are just signing in. Match is called from the caller's goroutine
// and from connections' own, possibly later.
func (b *Broker) Cut(match func(grove.Actor) bool) {
	for _, s := range b.roll.present(match) {
		if match(s.actor) {
			s.abort(kicked)
		}
	}
}

// Tell gives a report of a printer to those who watch it and may. It never blocks.
func (b *Broker) Tell(serial string, payload []byte) {
	m := message{serial: serial, payload: payload}
	for _, s := range b.viewers.of(serial) {
		if !s.everything.Load() {
			b.deliver(s, &m)
		}
	}
	for _, s := range b.viewers.ofAll() {
		b.deliver(s, &m)
	}
}

// deliver asks again whether the viewer may see the printer: what was allowed at
// the time of subscribing may have ended since.
func (b *Broker) deliver(s *session, m *message) {
	if !b.cfg.Gate.May(s.actor, grove.ReadPrinter, m.serial) {
		return
	}
	s.show(m)
}
