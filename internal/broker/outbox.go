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

// parcel is an encoded packet, shared with other connections. It may be written until
// a time; late is called when it was surely not written by then, and may be nil.
type parcel struct {
	packet []byte
	until  time.Time
	late   func()
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
	o.add(s, parcel{packet: packet})
	if !dropped {
		return 0, true
	}
	return o.lost, true
}

// offer adds a packet if there is room, else fails and keeps nothing.
func (o *outbox) offer(s *session, p parcel) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return gone(s.actor.Serial)
	}
	if !o.fits(s, p.packet) {
		return grove.Errorf(grove.Unavailable, "printer_slow", "printer %s does not take commands fast enough; try again in a moment", s.actor.Serial)
	}
	o.add(s, p)
	return nil
}

func (o *outbox) fits(s *session, packet []byte) bool {
	l := &s.broker.cfg.Limits
	return len(o.queue) < l.Queue && (len(o.queue) == 0 || o.bytes+len(packet) <= l.QueueBytes)
}

// add queues a packet, which is not written after it has become older than the reader
// may be slow.
func (o *outbox) add(s *session, p parcel) {
	if most := time.Now().Add(s.broker.cfg.Limits.Drain); p.until.IsZero() || p.until.After(most) {
		p.until = most
	}
	o.queue = append(o.queue, p)
	o.bytes += len(p.packet)
	if !o.busy {
		o.busy = true
		o.writers.Go(func() { o.deliver(s) })
	}
}

// deliver writes until the outbox is empty.
func (o *outbox) deliver(s *session) {
	for {
		batch := o.take()
		if len(batch) == 0 {
			return
		}
		batch, until := timely(batch)
		s.transmit(joined(batch), until)
	}
}

// timely leaves out what may not be written any more, and gives the time until which
// all the rest may be. What is shown to viewers is never left out: the deadline ends
// the connection of one that is slow.
func timely(batch []parcel) (left []parcel, until time.Time) {
	now := time.Now()
	for _, p := range batch {
		if p.late != nil && !now.Before(p.until) {
			p.late()
			continue
		}
		if len(left) == 0 || p.until.Before(until) {
			until = p.until
		}
		left = append(left, p)
	}
	return left, until
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
