package sim

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
)

// SSDP is how a printer makes itself known on its network. The zero value does as
// printers do.
type SSDP struct {
	// To are the addresses that announcements are sent to, host:port. Default:
	// broadcast and multicast at port 2021, or loopback's own broadcast address for a
	// printer that stands on loopback.
	To []string
	// Listen is where searches are heard, host:port; a multicast address is joined.
	// Default: 239.255.255.250:2021, or port 2021 of an address on loopback.
	Listen string
	Every  time.Duration // between announcements; default 30 s, the real period is not known
}

// Where printers announce themselves (bambuddy; only the Host header says 1990).
const (
	ssdpGroup     = "239.255.255.250:2021"
	ssdpBroadcast = "255.255.255.255:2021"
	ssdpLoopback  = "127.255.255.255:2021"
	ssdpPort      = "2021"
	ssdpEvery     = 30 * time.Second
	ssdpUrn       = "urn:bambulab-com:device:3dprinter:1"
)

// complete fills in the defaults for a printer at an address.
func (s SSDP) complete(addr string) *SSDP {
	loopback := net.ParseIP(addr).IsLoopback()
	if s.Every <= 0 {
		s.Every = ssdpEvery
	}
	switch {
	case len(s.To) > 0:
	case loopback:
		s.To = []string{ssdpLoopback}
	default:
		s.To = []string{ssdpBroadcast, ssdpGroup}
	}
	switch {
	case s.Listen != "":
	case loopback:
		s.Listen = net.JoinHostPort(addr, ssdpPort)
	default:
		s.Listen = ssdpGroup
	}
	return &s
}

// beacon makes a printer known until its context ends. Discovery is best effort:
// a network that does not take it is logged, and the printer goes on without.
type beacon struct {
	ssdp SSDP
	addr string
	who  func() identity
	log  *slog.Logger

	search net.PacketConn // nil: searches are not heard
}

// identity is what a printer says of itself to strangers.
type identity struct {
	serial, model, name, version string
	cloud                        bool // it also dials in to one
	signal                       int  // dBm
	at                           grove.LAN
}

// ports names those of MQTT, files, camera and video if one of them is not where
// printers have it; empty otherwise.
func (i identity) ports() string {
	var all []string
	unusual := false
	for _, p := range []struct {
		name      string
		at, usual int
	}{{"mqtts", i.at.MQTTS, grove.LANMQTTS}, {"ftps", i.at.FTPS, grove.LANFTPS}, {"camera", i.at.Camera, grove.LANCamera}, {"rtsps", i.at.RTSPS, grove.LANRTSPS}} {
		if p.at != 0 {
			all = append(all, p.name+"="+strconv.Itoa(p.at))
			unusual = unusual || p.at != p.usual
		}
	}
	if !unusual {
		return ""
	}
	return strings.Join(all, " ")
}

// connect is "lan", or "cloud" for a printer that is also somewhere else.
func (i identity) connect() string {
	if i.cloud {
		return "cloud"
	}
	return "lan"
}

// bind is whether a cloud has the printer.
func (i identity) bind() string {
	if i.cloud {
		return "occupied"
	}
	return "free"
}

// listen opens the socket on which searches are heard.
func (b *beacon) listen(ctx context.Context) {
	at, err := net.ResolveUDPAddr("udp4", b.ssdp.Listen)
	if err == nil && at.IP.IsMulticast() {
		b.search, err = net.ListenMulticastUDP("udp4", nil, at)
	} else if err == nil {
		b.search, err = new(net.ListenConfig).ListenPacket(ctx, "udp4", b.ssdp.Listen)
	}
	if err != nil {
		b.search = nil
		b.log.Warn("searches for printers are not heard", slog.Any("error", err))
	}
}

func (b *beacon) close() {
	if b.search != nil {
		_ = b.search.Close()
		b.search = nil
	}
}

func (b *beacon) run(ctx context.Context) error {
	from, err := new(net.ListenConfig).ListenPacket(ctx, "udp4", net.JoinHostPort(b.addr, "0"))
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	defer func() { _ = from.Close() }()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { b.announce(ctx, from); return nil })
	if search := b.search; search != nil {
		g.Go(func() error {
			defer context.AfterFunc(ctx, func() { _ = search.Close() })()
			b.answer(search)
			return nil
		})
	}
	return g.Wait()
}

// announce sends NOTIFY now and every so often.
func (b *beacon) announce(ctx context.Context, from net.PacketConn) {
	every := time.NewTicker(b.ssdp.Every)
	defer every.Stop()
	for {
		for _, to := range b.ssdp.To {
			at, err := net.ResolveUDPAddr("udp4", to)
			if err == nil {
				_, err = from.WriteTo(b.notify(), at)
			}
			if err != nil {
				b.log.Debug("announcement not sent", slog.String("to", to), slog.Any("error", err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// answer sends who asks for printers where this one is.
func (b *beacon) answer(search net.PacketConn) {
	question := make([]byte, 2048)
	for {
		n, from, err := search.ReadFrom(question)
		if err != nil {
			return // closed
		}
		if !searches(question[:n]) {
			continue
		}
		if _, err := search.WriteTo(b.found(), from); err != nil {
			b.log.Debug("search not answered", slog.Any("error", err))
		}
	}
}

// searches reports whether a datagram asks for printers.
func searches(datagram []byte) bool {
	lines := strings.Split(string(datagram), "\r\n")
	if !strings.HasPrefix(lines[0], "M-SEARCH * HTTP/1.") {
		return false
	}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		if strings.EqualFold(name, "ST") {
			return value == ssdpUrn || value == "ssdp:all"
		}
	}
	return false
}

func (b *beacon) notify() []byte {
	return b.message("NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1990\r\n", "NT: "+ssdpUrn+"\r\nNTS: ssdp:alive\r\n")
}

func (b *beacon) found() []byte { return b.message("HTTP/1.1 200 OK\r\n", "ST: "+ssdpUrn+"\r\n") }

// message writes what notice and answer share. Location is a bare address.
func (b *beacon) message(head, kind string) []byte {
	who := b.who()
	var m bytes.Buffer
	fmt.Fprintf(&m, "%sServer: UPnP/1.0\r\nLocation: %s\r\n%sUSN: %s\r\nCache-Control: max-age=1800\r\n", head, b.addr, kind, who.serial)
	for _, h := range [][2]string{
		{"DevModel", who.model},
		{"DevName", who.name},
		{"DevSignal", strconv.Itoa(who.signal)},
		{"DevConnect", who.connect()},
		{"DevBind", who.bind()},
		{"Devseclink", "secure"},
		{"DevInf", "wlan0"},
		{"DevVersion", who.version},
		{"DevCap", "1"},
	} {
		fmt.Fprintf(&m, "%s.bambu.com: %s\r\n", h[0], oneLine(h[1]))
	}
	if ports := who.ports(); ports != "" { // no printer says that, since none stands elsewhere
		fmt.Fprintf(&m, "Ports.grove: %s\r\n", ports)
	}
	m.WriteString("\r\n")
	return m.Bytes()
}

// oneLine keeps a name from being more headers.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// detect serves the bind ports: who asks "detect" is told who this is, and the
// connection ends (bambuddy's captures of slicers).
type detect struct {
	who func() identity
	tls *tls.Config // nil: in the clear
	log *slog.Logger
}

// The frame of the bind ports: two bytes, the whole length, JSON, two bytes.
const (
	detectHead = "\xA5\xA5"
	detectTail = "\xA7\xA7"
	detectRim  = 6    // bytes around the JSON
	maxDetect  = 4096 // bytes
)

func (d *detect) serve(ctx context.Context, l net.Listener) error {
	return serveEach(ctx, l, func(_ context.Context, conn net.Conn) {
		if err := d.one(conn); err != nil {
			d.log.Debug("bind port", slog.Any("error", err))
		}
	})
}

func (d *detect) one(conn net.Conn) error {
	if err := conn.SetDeadline(time.Now().Add(handshakeTimeout)); err != nil {
		return err
	}
	if d.tls != nil {
		secure := tls.Server(conn, d.tls)
		defer func() { _ = secure.Close() }()
		conn = secure
	}
	head := make([]byte, len(detectHead)+2)
	if _, err := io.ReadFull(conn, head); err != nil {
		return err
	}
	length := int(binary.LittleEndian.Uint16(head[2:]))
	if string(head[:2]) != detectHead || length < detectRim || length > maxDetect {
		return fmt.Errorf("no frame: % x", head)
	}
	body := make([]byte, length-len(head))
	if _, err := io.ReadFull(conn, body); err != nil {
		return err
	}
	body, whole := bytes.CutSuffix(body, []byte(detectTail))
	var question struct {
		Login struct {
			Command string `json:"command"`
		} `json:"login"`
	}
	if err := json.Unmarshal(body, &question); err != nil || !whole || question.Login.Command != "detect" {
		return fmt.Errorf("no question that is answered: %.100q", body)
	}
	answer, err := d.answer()
	if err != nil {
		return err
	}
	_, err = conn.Write(answer)
	return err
}

// detectSequence is the printer's own number in the answer, whatever was asked.
const detectSequence = 3021

func (d *detect) answer() ([]byte, error) {
	who := d.who()
	body, err := json.Marshal(map[string]any{"login": map[string]any{
		"command": "detect", "sequence_id": detectSequence, "bind": who.bind(), "connect": who.connect(), "dev_cap": 1,
		"id": who.serial, "model": who.model, "name": who.name, "version": who.version,
	}})
	if err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	frame := append([]byte(detectHead), 0, 0)
	binary.LittleEndian.PutUint16(frame[2:], uint16(len(body)+detectRim)) //nolint:gosec // a name is bounded
	return append(append(frame, body...), detectTail...), nil
}
