package broker

import (
	"context"
	"errors"
	"net"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

// Open makes a broker that anybody may enter and that carries any topic as the
// standard has it: with retained messages, sessions, wills and every QoS. Listeners,
// limits and the treatment of slow and rude clients are those of every Broker, so
// that suites which know nothing of printers can try them. It is for tests alone.
// Of the configuration it uses Listener with TLS, Log, Registry and Limits; plain is
// a listener without TLS. One of the two may be nil.
func Open(cfg Config, plain net.Listener) (*Broker, error) {
	if (cfg.Listener == nil && plain == nil) || (cfg.Listener != nil && cfg.TLS == nil) {
		return nil, errors.New("an open broker needs a listener, and a TLS configuration for the one with TLS")
	}
	b, err := prepare(cfg)
	if err != nil {
		return nil, err
	}
	b.open = true
	if plain != nil {
		b.entries = append(b.entries, entry{plain, nil})
	}
	if cfg.Listener != nil {
		b.entries = append(b.entries, entry{cfg.Listener, b.harden(cfg.TLS)})
	}
	c := mqtt.NewDefaultServerCapabilities()
	c.MaximumPacketSize = b.packetSize()
	c.Compatibilities.NoInheritedPropertiesOnAck = true
	b.engine = mqtt.New(&mqtt.Options{Capabilities: c, Logger: quiet(b.cfg.Log)})
	return b, b.engine.AddHook(&openHook{hook{broker: b}}, nil)
}

// RunOpen is Run for a broker made by Open, with the engine's own loop: it ends
// sessions that have expired and sends wills that were to wait.
func (b *Broker) RunOpen(ctx context.Context) error {
	if err := b.engine.Serve(); err != nil {
		return err
	}
	return errors.Join(b.Run(ctx), b.engine.Close())
}

// openHook lets the engine do what the standard says.
type openHook struct{ hook }

// Provides lists what the engine asks us.
func (h *openHook) Provides(b byte) bool {
	return b == mqtt.OnConnect || b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck
}

// OnConnect lets anybody in and waits for a silent client as long as the standard
// says.
func (h *openHook) OnConnect(cl *mqtt.Client, _ packets.Packet) error {
	s := meet(cl)
	s.actor = grove.Actor{Kind: grove.ActorUser}
	s.settle(h.broker.cfg.Limits.Keepalive)
	s.patience /= 2
	s.join()
	return nil
}

// OnConnectAuthenticate lets anybody in.
func (h *openHook) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

// OnACLCheck allows everything.
func (h *openHook) OnACLCheck(*mqtt.Client, string, bool) bool { return true }
