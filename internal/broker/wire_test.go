package broker

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// wire is a client that does exactly what a test tells it to.
type wire struct {
	t       testing.TB
	conn    net.Conn
	in      *bufio.Reader
	version byte
	last    uint16
}

// connect is what a wire says first.
type connect struct {
	version   byte // 4 unless said otherwise
	user      string
	password  string // "right" unless said otherwise
	id        string
	keepalive uint16
	change    func(*packets.Packet)
}

// dial opens a TLS connection and says nothing.
func (r *rig) dial(t testing.TB, cfg *tls.Config) *wire {
	t.Helper()
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: patience}, "tcp", r.addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &wire{t: t, conn: conn, in: bufio.NewReader(conn), version: 4}
}

// join connects and expects to be let in.
func (r *rig) join(t testing.TB, c connect) *wire {
	t.Helper()
	w := r.dial(t, clientTLS("grove.test"))
	if ack := w.connect(c); ack.ReasonCode != 0 {
		t.Fatalf("%s was refused with %#x", c.user, ack.ReasonCode)
	}
	return w
}

func (w *wire) connect(c connect) packets.Packet {
	w.t.Helper()
	w.send(w.hello(c))
	return w.expect(packets.Connack)
}

func (w *wire) hello(c connect) packets.Packet {
	if c.version == 0 {
		c.version = 4
	}
	if c.password == "" {
		c.password = "right"
	}
	w.version = c.version
	pk := packets.Packet{
		ProtocolVersion: c.version,
		FixedHeader:     packets.FixedHeader{Type: packets.Connect},
		Connect: packets.ConnectParams{
			ProtocolName: []byte("MQTT"), Clean: true, Keepalive: c.keepalive, ClientIdentifier: c.id,
			UsernameFlag: true, Username: []byte(c.user), PasswordFlag: true, Password: []byte(c.password),
		},
	}
	if c.keepalive == 0 && c.change == nil {
		pk.Connect.Keepalive = 60
	}
	if c.change != nil {
		c.change(&pk)
	}
	return pk
}

// encoded gives the bytes of a packet.
func (w *wire) encoded(pk packets.Packet) []byte {
	w.t.Helper()
	pk.ProtocolVersion = w.version
	encode := map[byte]func(*packets.Packet, *bytes.Buffer) error{
		packets.Connect:     (*packets.Packet).ConnectEncode,
		packets.Publish:     (*packets.Packet).PublishEncode,
		packets.Subscribe:   (*packets.Packet).SubscribeEncode,
		packets.Unsubscribe: (*packets.Packet).UnsubscribeEncode,
		packets.Pubrel:      (*packets.Packet).PubrelEncode,
		packets.Pingreq:     (*packets.Packet).PingreqEncode,
		packets.Disconnect:  (*packets.Packet).DisconnectEncode,
	}[pk.FixedHeader.Type]
	var b bytes.Buffer
	if err := encode(&pk, &b); err != nil {
		w.t.Fatal(err)
	}
	return b.Bytes()
}

func (w *wire) send(list ...packets.Packet) {
	w.t.Helper()
	var all []byte
	for _, pk := range list {
		all = append(all, w.encoded(pk)...)
	}
	_ = w.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := w.conn.Write(all); err != nil {
		w.t.Fatalf("write: %v", err)
	}
}

func publishing(topic, payload string, qos byte, id uint16) packets.Packet {
	return packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Publish, Qos: qos},
		TopicName:   topic, Payload: []byte(payload), PacketID: id,
	}
}

// publish sends at QoS 0.
func (w *wire) publish(topic, payload string) {
	w.t.Helper()
	w.send(publishing(topic, payload, 0, 0))
}

// subscribe gives the codes of the acknowledgement.
func (w *wire) subscribe(qos byte, filters ...string) []byte {
	w.t.Helper()
	w.last++
	pk := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Subscribe, Qos: 1}, PacketID: w.last}
	for _, f := range filters {
		pk.Filters = append(pk.Filters, packets.Subscription{Filter: f, Qos: qos})
	}
	w.send(pk)
	return w.expect(packets.Suback).ReasonCodes
}

func (w *wire) unsubscribe(filter string) {
	w.t.Helper()
	w.last++
	w.send(packets.Packet{
		FixedHeader: packets.FixedHeader{Type: packets.Unsubscribe, Qos: 1}, PacketID: w.last,
		Filters: packets.Subscriptions{{Filter: filter}},
	})
	w.expect(packets.Unsuback)
}

// read gives the next packet.
func (w *wire) read() (packets.Packet, error) {
	_ = w.conn.SetReadDeadline(time.Now().Add(patience))
	return readPacket(w.in, w.version)
}

func readPacket(in *bufio.Reader, version byte) (packets.Packet, error) {
	pk := packets.Packet{ProtocolVersion: version}
	head, err := in.ReadByte()
	if err != nil {
		return pk, err
	}
	if err := pk.FixedHeader.Decode(head); err != nil {
		return pk, err
	}
	n, _, err := packets.DecodeLength(in)
	if err != nil {
		return pk, err
	}
	pk.FixedHeader.Remaining = n
	body := make([]byte, n)
	if _, err := io.ReadFull(in, body); err != nil {
		return pk, err
	}
	decode := map[byte]func(*packets.Packet, []byte) error{
		packets.Connack:    (*packets.Packet).ConnackDecode,
		packets.Publish:    (*packets.Packet).PublishDecode,
		packets.Suback:     (*packets.Packet).SubackDecode,
		packets.Unsuback:   (*packets.Packet).UnsubackDecode,
		packets.Puback:     (*packets.Packet).PubackDecode,
		packets.Pubrec:     (*packets.Packet).PubrecDecode,
		packets.Pubcomp:    (*packets.Packet).PubcompDecode,
		packets.Pingresp:   (*packets.Packet).PingrespDecode,
		packets.Disconnect: (*packets.Packet).DisconnectDecode,
	}[pk.FixedHeader.Type]
	if decode == nil {
		return pk, fmt.Errorf("packet of type %d", pk.FixedHeader.Type)
	}
	return pk, decode(&pk, body)
}

// expect reads a packet and wants it to be of this type.
func (w *wire) expect(kind byte) packets.Packet {
	w.t.Helper()
	pk, err := w.read()
	if err != nil {
		w.t.Fatalf("waiting for packet type %d: %v", kind, err)
	}
	if pk.FixedHeader.Type != kind {
		w.t.Fatalf("got packet %+v, want type %d", pk, kind)
	}
	return pk
}

// hears expects a message.
func (w *wire) hears(topic, payload string) {
	w.t.Helper()
	pk := w.expect(packets.Publish)
	if pk.TopicName != topic || string(pk.Payload) != payload {
		w.t.Fatalf("got %q on %s, want %q on %s", pk.Payload, pk.TopicName, payload, topic)
	}
	if pk.FixedHeader.Qos != 0 || pk.FixedHeader.Retain {
		w.t.Fatalf("got QoS %d, retain %v", pk.FixedHeader.Qos, pk.FixedHeader.Retain)
	}
}

// hearsNothing proves that nothing has been sent before the answer to a ping.
func (w *wire) hearsNothing() {
	w.t.Helper()
	w.ping()
}

func (w *wire) ping() {
	w.t.Helper()
	w.send(packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingreq}})
	w.expect(packets.Pingresp)
}

// closed waits for the end of the connection and gives the DISCONNECT before it.
func (w *wire) closed() (packets.Packet, bool) {
	w.t.Helper()
	for {
		pk, err := w.read()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			w.t.Fatal("the connection is still open")
		}
		if err != nil {
			return packets.Packet{}, false
		}
		if pk.FixedHeader.Type == packets.Disconnect {
			if _, err := w.read(); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				w.t.Fatal("the connection is open after DISCONNECT")
			}
			return pk, true
		}
	}
}
