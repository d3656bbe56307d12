package sim

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// A printer's broker serves one user and two topics at QoS 0, as real ones do. It
// is written on the MQTT library's packets: a whole broker engine takes 45 KB and
// a timer of its own for each printer that nobody talks to.
const (
	lanUser       = "bblp"
	lanQueue      = 64      // packets a client may be behind before it misses some
	maxLANPacket  = 1 << 20 // bytes
	maxLANFilters = 16      // of one client
)

// errTooLarge cuts a client before memory is taken for what it announced.
var errTooLarge = errors.New("a packet larger than 1 MiB")

// lanBroker is the MQTT face. The zero broker has no clients.
type lanBroker struct {
	serial string
	tls    *tls.Config
	limit  int  // clients; 0: any number
	curt   bool // cuts who listens to the requests of others
	code   func() grove.Secret
	inbox  chan<- input
	log    *slog.Logger

	mu      sync.Mutex
	clients map[*lanClient]bool
}

func newLANBroker(l *lan, model bambu.Model, p *Printer) *lanBroker {
	small := looksOf(model).small
	b := &lanBroker{
		serial: l.serial, tls: l.tls(), limit: l.cfg.MaxClients, curt: small, code: p.accessCode, inbox: p.inbox, log: p.cfg.Log,
		clients: map[*lanClient]bool{},
	}
	if b.limit == 0 && small {
		b.limit = smallClients
	}
	return b
}

// lanClient is one connection. Its filters are under the broker's lock.
type lanClient struct {
	conn    net.Conn
	in      *bufio.Reader
	id      string
	filters []string
	out     chan []byte // encoded packets
}

func (b *lanBroker) serve(ctx context.Context, l net.Listener) error {
	return serveEach(ctx, l, b.client)
}

// client serves one connection from its handshake to its end. Nobody is cut for
// silence: real firmware does not enforce the keepalive (bambuddy).
func (b *lanBroker) client(ctx context.Context, raw net.Conn) {
	conn := tls.Server(raw, b.tls)
	if conn.SetDeadline(time.Now().Add(handshakeTimeout)) != nil {
		return
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		b.log.Debug("LAN client without TLS", slog.Any("error", err))
		return
	}
	c := &lanClient{conn: conn, in: bufio.NewReader(conn), out: make(chan []byte, lanQueue)}
	if err := b.welcome(c); err != nil {
		b.log.Debug("LAN client refused", slog.Any("error", err))
		return
	}
	defer b.leave(c)
	if conn.SetDeadline(time.Time{}) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	var writing sync.WaitGroup
	defer func() {
		cancel()
		_ = raw.Close() // it may still be writing
		writing.Wait()
	}()
	writing.Go(func() { c.write(ctx) })
	if b.tell(ctx, input{Joined: true}) != nil {
		return
	}
	for {
		packet, err := c.read()
		if err == nil {
			err = b.obey(ctx, c, packet)
		}
		if err != nil {
			b.log.Debug("LAN client gone", slog.Any("error", err))
			return
		}
	}
}

// read takes one packet in, within bounds.
func (c *lanClient) read() (packets.ControlPacket, error) {
	if _, err := c.in.Peek(2); err != nil {
		return nil, err
	}
	// The length is in the second to fifth byte, seven bits each.
	length := 0
	for i := range 4 {
		head, err := c.in.Peek(2 + i)
		if err != nil {
			return nil, err
		}
		length |= int(head[1+i]&0x7F) << (7 * i)
		if head[1+i]&0x80 == 0 {
			break
		}
	}
	if length > maxLANPacket {
		return nil, errTooLarge
	}
	return packets.ReadPacket(c.in)
}

// write sends what is queued until ctx or the connection ends.
func (c *lanClient) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case packet := <-c.out:
			if c.conn.SetWriteDeadline(time.Now().Add(writeTimeout)) != nil {
				return
			}
			if _, err := c.conn.Write(packet); err != nil {
				_ = c.conn.Close() // the reader notices
				return
			}
		}
	}
}

// welcome reads the CONNECT and answers it. A wrong code is answered with 5, as
// printers do, a wrong user with 4.
func (b *lanBroker) welcome(c *lanClient) error {
	packet, err := c.read()
	if err != nil {
		return err
	}
	hello, ok := packet.(*packets.ConnectPacket)
	if !ok {
		return errors.New("no CONNECT came")
	}
	c.id = hello.ClientIdentifier
	verdict := hello.Validate()
	if verdict == packets.Accepted {
		verdict = b.judge(hello)
	}
	if verdict == packets.Accepted {
		verdict = b.admit(c)
	}
	answer := &packets.ConnackPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Connack}, ReturnCode: verdict}
	if err := answer.Write(c.conn); err != nil {
		b.leave(c)
		return err
	}
	if verdict != packets.Accepted {
		return fmt.Errorf("refused with %d", verdict)
	}
	return nil
}

func (b *lanBroker) judge(hello *packets.ConnectPacket) byte {
	switch {
	case hello.Username != lanUser:
		return packets.ErrRefusedBadUsernameOrPassword
	case subtle.ConstantTimeCompare(hello.Password, []byte(string(b.code()))) != 1:
		return packets.ErrRefusedNotAuthorised
	}
	return packets.Accepted
}

// admit takes a client in, in the place of one with the same id.
func (b *lanBroker) admit(c *lanClient) byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	for other := range b.clients {
		if c.id != "" && other.id == c.id {
			_ = other.conn.Close()
			delete(b.clients, other)
		}
	}
	if b.limit > 0 && len(b.clients) >= b.limit {
		return packets.ErrRefusedServerUnavailable
	}
	b.clients[c] = true
	return packets.Accepted
}

func (b *lanBroker) leave(c *lanClient) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clients, c)
}

// cut hangs up on everybody.
func (b *lanBroker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.clients {
		_ = c.conn.Close()
	}
}

// connected is how many clients there are.
func (b *lanBroker) connected() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.clients)
}

// errGoodbye is the client's own wish to go.
var errGoodbye = errors.New("it said goodbye")

// obey acts on one packet. An error ends the connection.
func (b *lanBroker) obey(ctx context.Context, c *lanClient, packet packets.ControlPacket) error {
	switch p := packet.(type) {
	case *packets.PublishPacket:
		return b.take(ctx, c, p)
	case *packets.SubscribePacket:
		return b.subscribe(ctx, c, p)
	case *packets.UnsubscribePacket:
		b.filter(c, func(have []string) []string { return without(have, p.Topics) })
		return c.answer(ctx, &packets.UnsubackPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Unsuback}, MessageID: p.MessageID})
	case *packets.PubrelPacket:
		return c.answer(ctx, &packets.PubcompPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pubcomp}, MessageID: p.MessageID})
	case *packets.PingreqPacket:
		return c.answer(ctx, &packets.PingrespPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pingresp}})
	case *packets.DisconnectPacket:
		return errGoodbye
	}
	return fmt.Errorf("a packet of an unexpected kind: %T", packet)
}

// take acknowledges a message and gives it to the printer. What is sent to
// another serial is taken and leads nowhere.
func (b *lanBroker) take(ctx context.Context, c *lanClient, p *packets.PublishPacket) error {
	var err error
	switch p.Qos {
	case 1:
		err = c.answer(ctx, &packets.PubackPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Puback}, MessageID: p.MessageID})
	case 2:
		err = c.answer(ctx, &packets.PubrecPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pubrec}, MessageID: p.MessageID})
	}
	if err != nil || p.TopicName != b.topic("request") {
		return err
	}
	b.publish(p.TopicName, p.Payload)
	return b.tell(ctx, heard(p.Payload))
}

// tell gives the printer something to act on.
func (b *lanBroker) tell(ctx context.Context, in input) error {
	select {
	case b.inbox <- in:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (b *lanBroker) topic(kind string) string { return "device/" + b.serial + "/" + kind }

// subscribe grants QoS 0. Some printers cut who wants to hear what others ask
// (bambuddy); here it is those with the small board.
func (b *lanBroker) subscribe(ctx context.Context, c *lanClient, p *packets.SubscribePacket) error {
	granted := make([]byte, len(p.Topics))
	for _, filter := range p.Topics {
		if b.curt && strings.HasSuffix(filter, "/request") {
			return errors.New("it wants to hear the requests of others")
		}
	}
	b.filter(c, func(have []string) []string {
		for i, filter := range p.Topics {
			if len(have) >= maxLANFilters {
				granted[i] = 0x80
				continue
			}
			have = append(have, filter)
		}
		return have
	})
	return c.answer(ctx, &packets.SubackPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Suback}, MessageID: p.MessageID, ReturnCodes: granted,
	})
}

// filter changes what a client listens to.
func (b *lanBroker) filter(c *lanClient, change func([]string) []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c.filters = change(c.filters)
}

func without(have, gone []string) []string {
	kept := make([]string, 0, len(have))
	for _, filter := range have {
		left := false
		for _, g := range gone {
			left = left || g == filter
		}
		if !left {
			kept = append(kept, filter)
		}
	}
	return kept
}

// say publishes a report to everybody who listens, replies to others included,
// with four spaces of indent: slicers have refused compact ones (bambuddy).
func (b *lanBroker) say(payload []byte) {
	if b.connected() == 0 {
		return
	}
	var pretty bytes.Buffer
	if json.Indent(&pretty, payload, "", "    ") != nil {
		return // what the printer says is JSON
	}
	b.publish(b.topic("report"), pretty.Bytes())
}

// publish queues a message for every client with a fitting filter. Who is too far
// behind misses it, and is not cut for that (bambuddy).
func (b *lanBroker) publish(topic string, payload []byte) {
	packet := encode(&packets.PublishPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Publish}, TopicName: topic, Payload: payload,
	})
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.clients {
		for _, filter := range c.filters {
			if fits(filter, topic) {
				select {
				case c.out <- packet:
				default:
				}
				break
			}
		}
	}
}

// fits reports whether a topic is among those that a filter means.
func fits(filter, topic string) bool {
	levels := strings.Split(topic, "/")
	for i, want := range strings.Split(filter, "/") {
		switch {
		case want == "#":
			return true
		case i >= len(levels) || want != "+" && want != levels[i]:
			return false
		}
	}
	return strings.Count(filter, "/") == len(levels)-1
}

// answer queues a packet that must arrive.
func (c *lanClient) answer(ctx context.Context, p packets.ControlPacket) error {
	select {
	case c.out <- encode(p):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func encode(p packets.ControlPacket) []byte {
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		panic(err) // memory takes everything
	}
	return b.Bytes()
}
