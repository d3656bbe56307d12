package broker

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

// hook is how the engine asks. All calls come from the goroutine that reads from
// the client's connection.
type hook struct {
	mqtt.HookBase
	broker *Broker
}

// ID names the hook in the engine's log.
func (h *hook) ID() string { return "grove" }

// Provides lists what the engine asks us.
func (h *hook) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnect, mqtt.OnConnectAuthenticate, mqtt.OnPacketEncode, mqtt.OnACLCheck,
		mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnUnsubscribed, mqtt.OnPublish:
		return true
	}
	return false
}

func sessionOf(cl *mqtt.Client) *session {
	s, ok := cl.Net.Conn.(*session)
	if !ok {
		panic("a client without a session")
	}
	return s
}

// OnConnect asks who it is and answers a refusal with the word the client's
// protocol version has for it.
func (h *hook) OnConnect(cl *mqtt.Client, pk packets.Packet) error {
	b, s := h.broker, meet(cl)
	cl.ID = strconv.FormatUint(b.serials.Add(1), 10) // never shared: see roll
	cl.Properties.Clean = true
	cl.Properties.Will = mqtt.Will{} // a message for later, which nothing here ever is
	err := h.enter(s, pk)
	if err != nil {
		reason, code := refusal(err, s.v5)
		b.metrics.refused.WithLabelValues(reason).Inc()
		b.cfg.Log.Info("mqtt client refused", slog.String("remote", s.remote.String()), slog.String("reason", reason))
		_ = b.engine.SendConnack(cl, code, false, nil)
		return err
	}
	s.settle(b.cfg.Limits.Keepalive)
	if s.actor.Kind == grove.ActorPrinter {
		s.expectReports()
	}
	s.join()
	return nil
}

// meet notes what a client says of itself.
func meet(cl *mqtt.Client) *session {
	s := sessionOf(cl)
	s.client = cl
	s.v5 = cl.Properties.ProtocolVersion == 5
	s.largest = cl.Properties.Props.MaximumPacketSize
	return s
}

// join lets a client past the door.
func (s *session) join() {
	b := s.broker
	s.inside = true
	b.door.entered(s.remote)
	b.metrics.connections.WithLabelValues(string(s.actor.Kind)).Inc()
	b.cfg.Log.Debug("mqtt client joined", slog.String("actor", s.actor.String()), slog.String("remote", s.remote.String()))
}

// enter finds out who the client is and puts it on the roll.
func (h *hook) enter(s *session, pk packets.Packet) error {
	b := h.broker
	if pk.Properties.AuthenticationMethod != "" {
		return packets.ErrBadAuthenticationMethod
	}
	b.roll.enter(s)
	ctx, cancel := b.within(b.cfg.Limits.Handshake)
	defer cancel()
	actor, err := b.ask(ctx, Knock{
		Username: string(pk.Connect.Username),
		Password: grove.Secret(pk.Connect.Password),
		SNI:      s.sni,
		Remote:   s.remote,
		Client:   pk.Connect.ClientIdentifier,
	})
	if err != nil {
		return err
	}
	s.actor = actor
	s.name = nameOf(actor, s.client.ID, pk.Connect.ClientIdentifier)
	former, cuts, ok := b.roll.sign(s, b.cfg.Limits.PerActor)
	if !ok {
		return packets.ErrQuotaExceeded
	}
	s.signed = true
	if former != nil {
		former.abort(takenOver)
		former.link.end(takenOver.reason)
	}
	for _, match := range cuts {
		if match(actor) {
			return packets.ErrNotAuthorized
		}
	}
	return nil
}

func (b *Broker) ask(ctx context.Context, k Knock) (grove.Actor, error) {
	actor, err := b.cfg.Gate.Enter(ctx, k)
	if err != nil {
		return grove.Actor{}, err
	}
	switch actor.Kind {
	case grove.ActorUser, grove.ActorKey, grove.ActorPrinter, grove.ActorCode:
		return actor, nil
	case grove.ActorBridge, grove.ActorSystem:
	}
	return grove.Actor{}, grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "nobody knows who this is")
}

// nameOf is what a newer connection takes an older one over by. A printer has one
// connection whatever its client id; a client without an id is never taken over.
func nameOf(a grove.Actor, number, clientID string) string {
	who := a.String()
	switch {
	case a.Kind == grove.ActorPrinter:
		return who
	case clientID == "":
		return who + "#" + number
	}
	return who + "/" + clientID
}

// refusal is how a client that may not come in is told: MQTT 3 knows only "not
// authorised" and "unavailable".
func refusal(err error, v5 bool) (reason string, code packets.Code) {
	var ours packets.Code
	switch {
	case errors.As(err, &ours) && v5:
		return "protocol", ours
	case errors.Is(err, grove.Unauthenticated), errors.Is(err, grove.Forbidden), errors.Is(err, packets.ErrNotAuthorized):
		return "credentials", packets.ErrBadUsernameOrPassword
	case errors.Is(err, grove.Limited) && v5:
		return "limited", packets.ErrConnectionRateExceeded
	case errors.Is(err, grove.Limited):
		return "limited", packets.ErrServerUnavailable
	}
	return "unavailable", packets.ErrServerUnavailable
}

// OnConnectAuthenticate confirms what OnConnect found out.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, _ packets.Packet) bool {
	return sessionOf(cl).signed
}

// OnPacketEncode adds to a CONNACK what MQTT 5 clients must know of us.
func (h *hook) OnPacketEncode(_ *mqtt.Client, pk packets.Packet) packets.Packet {
	if pk.FixedHeader.Type == packets.Connack && pk.ReasonCode == 0 {
		pk.Properties.MaximumPacketSize = uint32(min(h.broker.cfg.Limits.PacketBytes, 1<<28)) //nolint:gosec // bounded just here
		pk.Properties.RetainAvailableFlag = true
		pk.Properties.SharedSubAvailableFlag = true
		pk.Properties.SubIDAvailableFlag = true
	}
	return pk
}

// OnACLCheck says what a client may subscribe to. Publishing is judged in
// OnPublish, which can refuse without ending the connection; deliveries are
// judged in Tell.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	if write {
		return true
	}
	s := sessionOf(cl)
	if _, known := cl.State.Subscriptions.Get(topic); !known && cl.State.Subscriptions.Len() >= h.broker.cfg.Limits.Subscriptions {
		return false
	}
	if s.actor.Kind == grove.ActorPrinter {
		serial, ok := between(topic, devicePrefix, requestSuffix)
		return ok && serial == s.actor.Serial
	}
	serial, all, ok := watched(topic)
	return ok && (all || h.broker.cfg.Gate.May(s.actor, grove.ReadPrinter, serial))
}

// OnSubscribe grants QoS 0 whatever was asked: reports are replaced by newer ones,
// and a subscriber at QoS 1 that stops reading would block those who publish.
// Filters are copied, since they share memory with the packet.
func (h *hook) OnSubscribe(_ *mqtt.Client, pk packets.Packet) packets.Packet {
	for i := range pk.Filters {
		pk.Filters[i].Qos = 0
		pk.Filters[i].Filter = strings.Clone(pk.Filters[i].Filter)
	}
	return pk
}

// OnSubscribed makes a client a viewer and attaches a printer, just before the
// acknowledgement is sent.
func (h *hook) OnSubscribed(cl *mqtt.Client, pk packets.Packet, codes []byte) {
	s := sessionOf(cl)
	for i, sub := range pk.Filters {
		if i >= len(codes) || codes[i] > packets.CodeGrantedQos2.Code {
			h.broker.cfg.Log.Debug("mqtt subscription refused", slog.String("actor", s.actor.String()), slog.String("filter", short(sub.Filter)))
			continue
		}
		if s.actor.Kind == grove.ActorPrinter {
			s.link.begin(s)
			continue
		}
		s.subscribe(sub.Filter)
	}
}

// OnUnsubscribed undoes OnSubscribed. The engine also calls it when the client has
// left; that is for close, which knows why.
func (h *hook) OnUnsubscribed(cl *mqtt.Client, pk packets.Packet) {
	if cl.Closed() {
		return
	}
	s := sessionOf(cl)
	for _, sub := range pk.Filters {
		if s.actor.Kind != grove.ActorPrinter {
			s.unsubscribe(sub.Filter)
		} else if _, ok := requested(sub.Filter); ok {
			s.link.pause("unsubscribed")
		}
	}
}

func short(s string) string { return s[:min(len(s), maxTopic)] }
