package broker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/grovecloud/grove"
)

// link is what the rules hold of a connected printer.
type link struct {
	session *session
	gone    atomic.Bool
}

// Send queues a request for the printer's socket or fails at once. See [Link].
func (l *link) Send(payload []byte, until time.Time, late func()) error {
	s := l.session
	if l.gone.Load() {
		return gone(s.actor.Serial)
	}
	packet := publish(devicePrefix+s.actor.Serial+requestSuffix, payload, s.v5)
	most := uint64(s.broker.cfg.Limits.PacketBytes) //nolint:gosec // never negative
	if s.largest > 0 {
		most = min(most, uint64(s.largest))
	}
	if uint64(len(packet)) > most {
		return grove.Errorf(grove.TooLarge, "command_too_large", "the command is longer than the %d bytes that printer %s takes", most, s.actor.Serial)
	}
	if err := s.outbox.offer(s, parcel{packet: packet, until: until, late: late}); err != nil {
		return err
	}
	s.broker.metrics.out.WithLabelValues(string(s.actor.Kind)).Inc()
	return nil
}

// Close ends the printer's connection; reason goes into its presence event.
func (l *link) Close(reason string) {
	if !l.gone.Load() {
		l.session.abort(ending{reason, packets.ErrAdministrativeAction})
	}
}

// attachment is a printer's link from the first request it can take to the last.
type attachment struct {
	mu     sync.Mutex
	over   bool
	link   *link
	detach func(reason string)
}

// begin attaches the printer once it listens for requests.
func (a *attachment) begin(s *session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over || a.link != nil {
		return
	}
	a.link = &link{session: s}
	a.detach = s.broker.cfg.Printers.Attach(s.actor.Serial, a.link)
}

// pause detaches a printer that stopped listening; it may begin again.
func (a *attachment) pause(reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.drop(reason)
}

// end detaches for good.
func (a *attachment) end(reason string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	a.drop(reason)
}

// drop ends the present link, if there is one. The caller holds mu.
func (a *attachment) drop(reason string) {
	if a.link == nil {
		return
	}
	a.link.gone.Store(true)
	if a.detach != nil {
		a.detach(reason)
	}
	a.link, a.detach = nil, nil
}
