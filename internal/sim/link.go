package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
)

// The link uses the MQTT library's packets and not its client: a printer needs
// QoS 0 and a clean session only, which takes one reading goroutine instead of
// nine, and a process holds thousands of printers.
const (
	keepAliveSeconds = 30               // as real clients ask for, mqtt-over-TLS on port 8883
	pingEvery        = 15 * time.Second // also while reporting, since only an answer proves the way back
	silence          = 45 * time.Second // nothing heard for so long: the line is dead
	dialTimeout      = 15 * time.Second
	writeTimeout     = 10 * time.Second
	longestRetry     = 30 * time.Second
)

// link dials the cloud again and again. Sessions come out of up, request payloads
// go into in.
type link struct {
	cfg    Config
	secret func() grove.Secret
	up     chan *session
	in     chan<- input
	rng    *rand.Rand
}

func newLink(cfg Config, secret func() grove.Secret, in chan<- input) *link {
	return &link{
		cfg: cfg, secret: secret, up: make(chan *session), in: in,
		rng: rand.New(rand.NewPCG(uint64(cfg.Seed), 2)), //nolint:gosec // jitter that a test can repeat
	}
}

// run keeps a session up until ctx ends.
func (l *link) run(ctx context.Context) error {
	pause := l.cfg.Retry
	told := ""
	for {
		since := time.Now()
		up, err := l.connect(ctx)
		if up {
			told = ""
		}
		if ctx.Err() == nil && cause(err) != told { // the tenth failure in a row is no news
			told = cause(err)
			l.cfg.Linked(err)
		}
		if up && time.Since(since) > longestRetry {
			pause = l.cfg.Retry
		}
		// Half fixed, half random: printers cut off together do not come back together.
		timer := time.NewTimer(pause/2 + time.Duration(l.rng.Int64N(int64(pause/2)+1)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
		pause = min(2*pause, longestRetry)
	}
}

// cause is why, without the port that is another one each time.
func cause(err error) string {
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// connect holds one session from dialling to its end and says whether it ever came up.
func (l *link) connect(ctx context.Context) (up bool, err error) {
	dialCtx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	dialer := tls.Dialer{Config: l.cfg.TLS}
	conn, err := dialer.DialContext(dialCtx, "tcp", l.cfg.Broker)
	if err != nil {
		return false, fmt.Errorf("dial: %w", err)
	}
	s := &session{conn: conn, topic: "device/" + l.cfg.Serial + "/report", pinged: time.Now()}
	if err := l.open(ctx, s); err != nil {
		s.cut()
		return false, err
	}
	l.cfg.Linked(nil)
	stop := context.AfterFunc(ctx, s.hush)
	defer stop()
	err = l.read(ctx, s)
	if ctx.Err() == nil {
		s.cut() // otherwise whoever took the session says goodbye first
	}
	return true, err
}

// open signs in and hands the session to the printer, which from then on ends it.
func (l *link) open(ctx context.Context, s *session) error {
	stop := context.AfterFunc(ctx, s.cut)
	defer stop()
	early, err := l.sayHello(s.conn)
	if err != nil {
		return err
	}
	s.early = early
	select {
	case l.up <- s:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// sayHello signs in and subscribes to the printer's requests. It gives the
// requests that came before the broker's word on the subscription, as MQTT allows.
func (l *link) sayHello(conn net.Conn) (early [][]byte, err error) {
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	hello := &packets.ConnectPacket{
		FixedHeader:  packets.FixedHeader{MessageType: packets.Connect},
		ProtocolName: "MQTT", ProtocolVersion: 4, CleanSession: true, Keepalive: keepAliveSeconds,
		ClientIdentifier: l.cfg.Serial,
		UsernameFlag:     true, Username: l.cfg.Serial,
		PasswordFlag: true, Password: []byte(string(l.secret())),
	}
	if err := hello.Write(conn); err != nil {
		return nil, fmt.Errorf("send connect: %w", err)
	}
	answer, err := expect[*packets.ConnackPacket](conn, nil)
	if err != nil {
		return nil, fmt.Errorf("await connack: %w", err)
	}
	if err := welcome(answer.ReturnCode); err != nil {
		return nil, err
	}
	wish := &packets.SubscribePacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Subscribe, Qos: 1},
		MessageID:   1, Topics: []string{"device/" + l.cfg.Serial + "/request"}, Qoss: []byte{0},
	}
	if err := wish.Write(conn); err != nil {
		return nil, fmt.Errorf("send subscribe: %w", err)
	}
	granted, err := expect[*packets.SubackPacket](conn, &early)
	if err != nil {
		return nil, fmt.Errorf("await suback: %w", err)
	}
	if len(granted.ReturnCodes) != 1 || granted.ReturnCodes[0] > 2 {
		return nil, errors.New("subscribe to own requests: refused")
	}
	return early, conn.SetDeadline(time.Time{})
}

// welcome is nil when the broker let the printer in.
func welcome(code byte) error {
	switch code {
	case packets.Accepted:
		return nil
	case packets.ErrRefusedBadUsernameOrPassword, packets.ErrRefusedNotAuthorised:
		return grove.Errorf(grove.Unauthenticated, "secret_refused", "the broker does not take this device secret; bind the printer again")
	}
	return fmt.Errorf("sign in: %s", packets.ConnackReturnCodes[code])
}

// maxEarly bounds the requests taken before the subscription is confirmed.
const maxEarly = 16

// expect reads one packet of the given kind. Messages that come before it are
// added to early, unless that is nil.
func expect[P packets.ControlPacket](conn net.Conn, early *[][]byte) (P, error) {
	for {
		packet, err := packets.ReadPacket(conn)
		if err != nil {
			var none P
			return none, err
		}
		if p, ok := packet.(P); ok {
			return p, nil
		}
		message, ok := packet.(*packets.PublishPacket)
		if !ok || early == nil || len(*early) == maxEarly {
			var none P
			return none, errors.New("the broker answered with another packet")
		}
		*early = append(*early, message.Payload)
	}
}

// read hands on what arrives until the session ends.
func (l *link) read(ctx context.Context, s *session) error {
	for _, request := range s.early {
		select {
		case l.in <- heard(request):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for {
		if err := s.conn.SetReadDeadline(time.Now().Add(silence)); err != nil {
			return fmt.Errorf("set deadline: %w", err)
		}
		if ctx.Err() != nil { // hush may have come before the deadline just set
			return ctx.Err()
		}
		packet, err := packets.ReadPacket(s.conn)
		if err != nil {
			return fmt.Errorf("read: %w", err)
		}
		message, ok := packet.(*packets.PublishPacket)
		if !ok {
			continue
		}
		select {
		case l.in <- heard(message.Payload):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// session is one connection. All its methods belong to the printer's own
// goroutine, except cut and hush. The zero session leads nowhere.
type session struct {
	conn   net.Conn
	topic  string
	pinged time.Time
	dead   atomic.Bool
	early  [][]byte // requests that came before the session was open
}

// publish sends a report, or loses it when the line is down: a printer stores nothing.
func (s *session) publish(payload []byte) {
	s.write(&packets.PublishPacket{
		FixedHeader: packets.FixedHeader{MessageType: packets.Publish},
		TopicName:   s.topic, Payload: payload,
	}, writeTimeout)
}

// keepAlive asks for a sign of life when it is time.
func (s *session) keepAlive() {
	if time.Since(s.pinged) < pingEvery {
		return
	}
	s.pinged = time.Now()
	s.write(&packets.PingreqPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Pingreq}}, writeTimeout)
}

// end says goodbye and hangs up.
func (s *session) end() {
	s.write(&packets.DisconnectPacket{FixedHeader: packets.FixedHeader{MessageType: packets.Disconnect}}, time.Second)
	s.cut()
}

// write sends one packet; a line that does not take it in time is cut.
func (s *session) write(p packets.ControlPacket, within time.Duration) {
	if s.conn == nil || s.dead.Load() {
		return
	}
	if err := s.conn.SetWriteDeadline(time.Now().Add(within)); err != nil {
		s.cut()
		return
	}
	if err := p.Write(s.conn); err != nil {
		s.cut()
	}
}

// cut hangs up at once.
func (s *session) cut() {
	if s.conn != nil && s.dead.CompareAndSwap(false, true) {
		_ = s.conn.Close()
	}
}

// hush makes the reader stop; whoever writes may still say goodbye.
func (s *session) hush() {
	if s.conn.SetReadDeadline(time.Now()) != nil {
		s.cut()
	}
}
