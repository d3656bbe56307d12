package broker

import (
	"fmt"
	"log/slog"
	"math"
	"strings"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

// publication is a request of a user or a code.
type publication struct {
	session   *session
	principal string
	serial    string
	packet    packets.Packet
}

// OnPublish takes everything that is published. Nothing goes on through the
// engine: it only acknowledges.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	s := sessionOf(cl)
	if s.ended.Load() != nil {
		return pk, packets.ErrRejectPacket
	}
	h.broker.metrics.in.WithLabelValues(string(s.actor.Kind)).Inc()
	if s.actor.Kind == grove.ActorPrinter {
		return h.report(s, pk)
	}
	return h.request(s, pk)
}

// report takes what a printer says of itself, when its turn has come. A retain
// flag is ignored.
func (h *hook) report(s *session, pk packets.Packet) (packets.Packet, error) {
	b, serial := h.broker, s.actor.Serial
	if ahead := s.pace.Take(time.Now(), len(pk.Payload)); ahead > 0 {
		b.metrics.slowed.Inc()
		turn, cancel := b.within(ahead)
		<-turn.Done()
		cancel()
	}
	about, ok := reported(pk.TopicName)
	if !ok || about != serial || !b.cfg.Gate.May(s.actor, grove.ReportState, serial) {
		return h.refuse(s, pk, "topic")
	}
	if seen := b.cfg.Printers.Observe(serial, pk.Payload); seen != nil {
		b.Tell(serial, seen)
	}
	return pk, packets.CodeSuccessIgnore
}

// request takes what a client wants of a printer. A retained request would be one
// for later, so it is refused.
func (h *hook) request(s *session, pk packets.Packet) (packets.Packet, error) {
	serial, ok := requested(pk.TopicName)
	if !ok || !h.broker.cfg.Gate.May(s.actor, grove.ReadPrinter, serial) {
		return h.refuse(s, pk, "topic")
	}
	if pk.FixedHeader.Retain {
		return h.refuse(s, pk, "retain")
	}
	p := publication{session: s, principal: s.actor.String(), serial: strings.Clone(serial), packet: pk}
	if h.broker.resent.twice(p) {
		h.broker.metrics.dropped.WithLabelValues("duplicate").Inc()
		return pk, packets.CodeSuccessIgnore
	}
	h.broker.forward(p)
	return pk, packets.CodeSuccessIgnore
}

// refuse drops a publication. MQTT 5 has words for it; in MQTT 3 it is
// acknowledged like any other, since the only alternative is to disconnect.
func (h *hook) refuse(s *session, pk packets.Packet, reason string) (packets.Packet, error) {
	h.broker.metrics.dropped.WithLabelValues(reason).Inc()
	h.broker.cfg.Log.Debug("mqtt publication refused", slog.String("actor", s.actor.String()), slog.String("topic", short(pk.TopicName)), slog.String("reason", reason))
	if !s.v5 || pk.FixedHeader.Qos == 0 {
		return pk, packets.CodeSuccessIgnore
	}
	answer := packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Puback},
		PacketID:    pk.PacketID,
		ReasonCode:  packets.ErrNotAuthorized.Code,
	}
	if pk.FixedHeader.Qos == 2 {
		answer.FixedHeader.Type = packets.Pubrec
	}
	_ = s.client.WritePacket(answer)
	return pk, packets.ErrRejectPacket
}

// forward hands a request to the rules, unless its sender is too fast.
func (b *Broker) forward(p publication) {
	s, payload := p.session, p.packet.Payload
	if !b.cfg.Urgent(payload) {
		if ok, retry := b.cfg.Limit(s.actor); !ok {
			b.metrics.dropped.WithLabelValues("limited").Inc()
			b.slowDown(p, retry)
			return
		}
	}
	ctx, cancel := b.within(b.cfg.Limits.Request)
	defer cancel()
	b.cfg.Printers.Request(ctx, s.actor, p.serial, payload, b.answerTo(p))
}

// answerTo is who hears the answer to a request: everybody who watches, as a printer
// would have it, but of one who only may look the asker alone. Else they could answer
// what others asked in the printer's name.
func (b *Broker) answerTo(p publication) func(report []byte) {
	s := p.session
	if b.cfg.Gate.May(s.actor, grove.ControlPrinter, p.serial) {
		return func(report []byte) { b.Tell(p.serial, report) }
	}
	if !s.listens(p.serial) {
		return func([]byte) {}
	}
	return func(report []byte) { b.deliver(s, &message{serial: p.serial, payload: report}) }
}

// listens is asked in the reading goroutine.
func (s *session) listens(serial string) bool { return s.watches[serial]+s.watches[""] > 0 }

// slowDown tells the sender, and nobody else, when to try again.
func (b *Broker) slowDown(p publication, retry time.Duration) {
	s := p.session
	if !s.listens(p.serial) {
		return
	}
	seconds := max(1, int(math.Ceil(retry.Seconds())))
	answer := b.cfg.Refuse(p.packet.Payload, fmt.Sprintf("rate limited, retry in %d s", seconds))
	if answer != nil {
		s.show(&message{serial: p.serial, payload: answer})
	}
}
