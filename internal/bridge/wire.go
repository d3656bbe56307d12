package bridge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/limit"
	"github.com/grovecloud/grove/internal/tcp"
)

// The wire uses the MQTT library's packets and not its client: to a printer there
// is one subscription, nothing is kept and nothing sent again, which takes two
// goroutines; and a process holds a thousand printers.
const (
	lanUser   = "bblp"
	keepAlive = 30 // seconds, as bambuddy asks

	maxMessage = 1 << 20 // bytes of one packet; real reports have 36 KB
	maxWaiting = 32      // messages for the socket
	maxAge     = 10 * time.Second
	farewell   = time.Second
)

// wire is one MQTT connection to a printer.
type wire struct {
	cfg    *Config
	serial string
	report string // topic
	conn   *tls.Conn
	in     *bufio.Reader
	out    chan outgoing
	packet uint16 // id of the last publication; the writer's

	finish sync.Once
	why    error         // of its end; set before over is closed
	over   chan struct{} // closed at its end
	said   atomic.Int64  // when the last report came that was understood, ns

	metrics *metrics
}

// outgoing may be written until a time and not after; late is called when it was
// surely not.
type outgoing struct {
	payload   []byte
	at, until time.Time
	late      func()
}

// newWire is a connection that speaks TLS already. It has to be closed by run or quit.
func (b *Bridge) newWire(conn *tls.Conn, serial string) *wire {
	w := &wire{
		cfg: &b.cfg, metrics: b.metrics, serial: serial, report: "device/" + serial + "/report", conn: conn,
		in: bufio.NewReader(conn), out: make(chan outgoing, maxWaiting), over: make(chan struct{}),
	}
	w.said.Store(time.Now().UnixNano())
	return w
}

// enter signs in and subscribes to the printer's reports, in the time it may take.
func (w *wire) enter(ctx context.Context, code grove.Secret) error {
	if err := w.conn.SetDeadline(time.Now().Add(w.cfg.Patience)); err != nil {
		return troubleOf(err)
	}
	defer context.AfterFunc(ctx, w.quit)()
	hello := &packets.ConnectPacket{
		FixedHeader:  packets.FixedHeader{MessageType: packets.Connect},
		ProtocolName: "MQTT", ProtocolVersion: 4, CleanSession: true, Keepalive: keepAlive,
		// A new name each time: the printer would end a connection of the same name, and
		// may have kept something for it.
		ClientIdentifier: "grove-" + rand.Text()[:12],
		UsernameFlag:     true, Username: lanUser, PasswordFlag: true, Password: []byte(string(code)),
	}
	if err := hello.Write(w.conn); err != nil {
		return unwelcome(err)
	}
	verdict, err := w.expect(packets.Connack, 2)
	if err != nil {
		return unwelcome(err)
	}
	if err := welcome(verdict[1]); err != nil {
		return err
	}
	wish := &packets.SubscribePacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Subscribe, Qos: 1},
		MessageID:   1, Topics: []string{w.report}, Qoss: []byte{0},
	}
	w.packet = 1
	if err := wish.Write(w.conn); err != nil {
		return unwelcome(err)
	}
	granted, err := w.expect(packets.Suback, 3)
	if err == nil && granted[2] > 2 {
		err = errors.New("its reports may not be subscribed to")
	}
	if err != nil {
		return unwelcome(err)
	}
	return w.conn.SetDeadline(time.Time{})
}

// welcome is nil when the printer let us in.
func welcome(code byte) error {
	switch code {
	case packets.Accepted:
		return nil
	case packets.ErrRefusedBadUsernameOrPassword, packets.ErrRefusedNotAuthorised:
		return &trouble{
			reasonRefused, "the printer refuses the access code",
			"read it again on the printer's screen, where LAN mode is set; it changes when that is switched, and the printer locks out who tries too often", nil,
		}
	}
	return &trouble{
		reasonBusy, "the printer takes no more clients",
		"close slicers and other programs that are connected to it, or switch it off and on", fmt.Errorf("connack %d", code),
	}
}

func unwelcome(err error) *trouble {
	if t, ok := errors.AsType[*trouble](err); ok {
		return t
	}
	return &trouble{reasonLost, "the printer breaks the connection off while it is made", "switch the printer off and on if that goes on", err}
}

// expect reads packets until one of this kind and at least this length comes;
// messages before it are of no use to anybody yet.
func (w *wire) expect(kind byte, least int) ([]byte, error) {
	for range maxWaiting {
		got, body, err := w.next()
		switch {
		case err != nil:
			return nil, err
		case got>>4 == kind && len(body) >= least:
			return body, nil
		case got>>4 != packets.Publish:
			return nil, fmt.Errorf("packet %d came instead of %d", got>>4, kind)
		}
	}
	return nil, errors.New("too many messages came first")
}

var errTooLong = errors.New("a message longer than 1 MiB")

// next reads one packet, of a length that is known before memory is taken for it.
func (w *wire) next() (head byte, body []byte, err error) {
	if head, err = w.in.ReadByte(); err != nil {
		return 0, nil, err
	}
	length := 0
	for shift := 0; ; shift += 7 {
		b, err := w.in.ReadByte()
		if err != nil {
			return 0, nil, err
		}
		if length |= int(b&0x7f) << shift; length > maxMessage || shift > 21 {
			w.metrics.dropped.WithLabelValues("too_long").Inc()
			return 0, nil, errTooLong
		}
		if b&0x80 == 0 {
			break
		}
	}
	body = make([]byte, length)
	_, err = io.ReadFull(w.in, body)
	return head, body, err
}

// read gives every report of this printer to take until the connection ends. What
// take does not understand is no sign of life.
func (w *wire) read(take func(payload []byte) (understood bool)) error {
	ahead := limit.NewPace(limit.Reports())
	for {
		if err := w.conn.SetReadDeadline(time.Now().Add(3 * w.cfg.Ping)); err != nil {
			return err
		}
		if w.ended() { // the deadline of its end may have come before the one just set
			return w.why
		}
		head, body, err := w.next()
		if err != nil {
			return err
		}
		if head>>4 != packets.Publish {
			continue
		}
		topic, payload, err := publication(head, body)
		if err != nil {
			return err
		}
		if topic != w.report {
			w.metrics.dropped.WithLabelValues("topic").Inc()
			continue
		}
		w.metrics.in.Inc()
		if wait := ahead.Take(time.Now(), len(payload)); wait > 0 {
			select {
			case <-time.After(wait):
			case <-w.over:
			}
		}
		if take(readable(payload)) {
			w.said.Store(time.Now().UnixNano())
		}
	}
}

// readable is a message without the zero byte that some end with, and without bytes
// that are no text, of which an A1 mini sends some (bambuddy).
func readable(payload []byte) []byte {
	payload = bytes.TrimRight(payload, "\x00")
	if utf8.Valid(payload) {
		return payload
	}
	return bytes.ToValidUTF8(payload, []byte("\uFFFD"))
}

// publication takes a PUBLISH apart (MQTT 3.1.1, 3.3).
func publication(head byte, body []byte) (topic string, payload []byte, err error) {
	if len(body) < 2 {
		return "", nil, errors.New("a message without a topic")
	}
	n := int(binary.BigEndian.Uint16(body))
	after := 2 + n
	if head&0x06 != 0 {
		after += 2 // its id; nobody asked for more than QoS 0, so it is not acknowledged
	}
	if after > len(body) {
		return "", nil, errors.New("a message shorter than its topic")
	}
	return string(body[2 : 2+n]), body[after:], nil
}

// write sends what is handed over, asks for signs of life, and ends the connection
// when there are none, or no reports.
func (w *wire) write() {
	defer w.part()
	ping := time.NewTicker(w.cfg.Ping)
	defer ping.Stop()
	for !w.ended() {
		var err error
		select {
		case <-w.over:
		case o := <-w.out:
			err = w.publish(o)
		case <-ping.C:
			if quiet := time.Since(time.Unix(0, w.said.Load())); quiet > w.cfg.Silence {
				err = &trouble{reasonStalled, "the printer has stopped reporting, though it is connected", "it is connected anew; switch it off and on if that goes on", nil}
				break
			}
			err = w.put(&packets.PingreqPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pingreq}}, time.Now().Add(maxAge))
		}
		if err != nil {
			w.end(err)
		}
	}
}

// part says goodbye and closes. Whatever the printer has not taken is dropped, unless
// we leave by our own wish and it listens: it must not arrive when nobody expects it.
func (w *wire) part() {
	w.leave()
	raw := w.conn.NetConn()
	heard := w.conn.SetWriteDeadline(time.Now().Add(farewell))
	if heard == nil {
		bye := &packets.DisconnectPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Disconnect}}
		heard = bye.Write(w.conn)
	}
	if heard == nil && errors.Is(w.why, context.Canceled) {
		_ = raw.Close()
		return
	}
	tcp.Cut(raw)
}

// leave gives back what was never written.
func (w *wire) leave() {
	for {
		select {
		case o := <-w.out:
			o.late()
		default:
			return
		}
	}
}

// publish sends one message. QoS 1 makes a busy printer take it at once, where it
// lets QoS 0 lie for up to 30 s (bambuddy); its acknowledgement is not waited for,
// since it may never come, and nothing is ever sent again.
func (w *wire) publish(o outgoing) error {
	now := time.Now()
	if !now.Before(o.until) {
		o.late()
		if now.Sub(o.at) < maxAge {
			return nil
		}
		return &trouble{reasonLost, "the printer takes messages too slowly", "it is connected anew by itself", nil}
	}
	if w.packet++; w.packet == 0 {
		w.packet = 1
	}
	w.metrics.out.Inc()
	return w.put(&packets.PublishPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Publish, Qos: 1}, MessageID: w.packet,
		TopicName: "device/" + w.serial + "/request", Payload: o.payload,
	}, o.until)
}

// put writes a packet until the given time: after it not even its first byte leaves.
func (w *wire) put(p packets.ControlPacket, until time.Time) error {
	if err := w.conn.SetWriteDeadline(until); err != nil {
		return err
	}
	if w.ended() { // the deadline of its end may have come before the one just set
		return w.why
	}
	return p.Write(w.conn)
}

// run carries messages both ways until the connection ends, and says why it did.
func (w *wire) run(ctx context.Context, take func(payload []byte) (understood bool)) error {
	defer context.AfterFunc(ctx, w.quit)()
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.write()
	}()
	err := w.read(take)
	w.end(err) // unless it was ended before, for another reason
	<-written
	return w.why
}

// Send hands a message to the writer or fails at once. See [Link].
func (w *wire) Send(payload []byte, until time.Time, late func()) error {
	now := time.Now()
	if most := now.Add(maxAge); until.After(most) {
		until = most
	}
	if w.ended() {
		return grove.Errorf(grove.Conflict, grove.ReasonPrinterOffline, "printer %s is not connected; check its power and network, then try again", w.serial)
	}
	select {
	case w.out <- outgoing{payload, now, until, late}:
		return nil
	default:
		return grove.Errorf(grove.Unavailable, "printer_slow", "printer %s does not take commands fast enough; try again in a moment", w.serial)
	}
}

// Close ends the connection soon.
func (w *wire) Close(reason string) { w.end(errors.New(reason)) }

// quit ends it without a reason of its own, also before it runs.
func (w *wire) quit() { w.end(context.Canceled) }

// end ends it for the first reason that is given.
func (w *wire) end(why error) {
	w.finish.Do(func() {
		w.why = why
		close(w.over)
		_ = w.conn.SetDeadline(time.Now().Add(farewell)) // of whoever reads and writes
	})
}

func (w *wire) ended() bool {
	select {
	case <-w.over:
		return true
	default:
		return false
	}
}

// shake speaks TLS on a connection, which it closes when that fails.
func (b *Bridge) shake(ctx context.Context, raw net.Conn, config *tls.Config) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		if _, ours := errors.AsType[*grove.Error](err); ours {
			return nil, troubleOf(err)
		}
		return nil, &trouble{
			reasonNoTLS, "what answers at " + raw.RemoteAddr().String() + " does not speak TLS as printers do",
			"check the address and the port; if it is a printer, switch LAN mode on", err,
		}
	}
	return conn, nil
}
