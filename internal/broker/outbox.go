package broker

import (
	"bytes"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// outbox holds the packets that wait for a connection. Whoever puts one in never
// waits: a goroutine writes as long as there is something to write.
type outbox struct {
	mu      sync.Mutex
	queue   []parcel
	bytes   int
	lost    int // since the queue was last empty
	busy    bool
	closed  bool
	writers sync.WaitGroup
}

// parcel is an encoded packet, shared with other connections.
type parcel struct {
	packet []byte
	at     time.Time
}

// push adds a packet and makes room by dropping the oldest. Lost is how many
// were dropped since the reader last kept up; ok is false when nobody reads.
func (o *outbox) push(s *session, packet []byte) (lost int, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return 0, false
	}
	dropped := false
	for !o.fits(s, packet) && len(o.queue) > 0 {
		o.bytes -= len(o.queue[0].packet)
		o.queue[0] = parcel{}
		o.queue = o.queue[1:]
		o.lost++
		dropped = true
	}
	o.add(s, packet)
	if !dropped {
		return 0, true
	}
	return o.lost, true
}

// offer adds a packet if there is room, else fails and keeps nothing.
func (o *outbox) offer(s *session, packet []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return gone(s.actor.Serial)
	}
	if !o.fits(s, packet) {
		return grove.Errorf(grove.Unavailable, "printer_slow", "printer %s does not take commands fast enough; try again in a moment", s.actor.Serial)
	}
	o.add(s, packet)
	return nil
}

func (o *outbox) fits(s *session, packet []byte) bool {
	l := &s.broker.cfg.Limits
	return len(o.queue) < l.Queue && (len(o.queue) == 0 || o.bytes+len(packet) <= l.QueueBytes)
}

func (o *outbox) add(s *session, packet []byte) {
	o.queue = append(o.queue, parcel{packet, time.Now()})
	o.bytes += len(packet)
	if !o.busy {
		o.busy = true
		o.writers.Go(func() { o.deliver(s) })
	}
}

// deliver writes until the outbox is empty. A packet is not written after it has
// become older than the reader may be slow.
func (o *outbox) deliver(s *session) {
	for {
		batch := o.take()
		if len(batch) == 0 {
			return
		}
		s.transmit(joined(batch), batch[0].at.Add(s.broker.cfg.Limits.Drain))
	}
}

func (o *outbox) take() []parcel {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch := o.queue
	o.queue, o.bytes = nil, 0
	if len(batch) == 0 {
		o.busy, o.lost = false, 0
	}
	return batch
}

func joined(batch []parcel) []byte {
	if len(batch) == 1 {
		return batch[0].packet
	}
	var b bytes.Buffer
	for _, p := range batch {
		b.Write(p.packet)
	}
	return b.Bytes()
}

// shut takes no more packets and drops those that wait.
func (o *outbox) shut() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	o.queue, o.bytes = nil, 0
}

// wait returns when nothing is being written any more. The outbox must be shut.
func (o *outbox) wait() { o.writers.Wait() }

// gone is the answer to a command for a printer whose connection has ended.
func gone(serial string) error {
	return grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline, "printer %s is not connected; check its power and network, then try again", serial)
}
