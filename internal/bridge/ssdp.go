package bridge

import (
	"bufio"
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/grovecloud/grove"
)

// What printers announce is written like SSDP, on ports of their own
// (OpenBambuAPI, bambuddy).
const (
	printerType = "urn:bambulab-com:device:3dprinter:1"
	askPort     = 2021
	maxDatagram = 4 << 10
)

func question(group string) []byte {
	return []byte("M-SEARCH * HTTP/1.1\r\nHOST: " + at(group, askPort) + "\r\nMAN: \"ssdp:discover\"\r\nMX: 3\r\nST: " + printerType + "\r\n\r\n")
}

// listenFor hears announcements and answers until ctx ends.
func (b *Bridge) listenFor(ctx context.Context, networks []netip.Prefix, found *finds) {
	var sockets []*net.UDPConn
	for _, port := range b.cfg.Find.Ports {
		sockets = append(sockets, b.ears(port)...)
	}
	// Where an ear could not be had, because a slicer has it, answers still come.
	if mouth, err := net.ListenUDP("udp4", nil); err == nil {
		sockets = append(sockets, mouth)
		b.call(mouth, networks)
	} else {
		b.cfg.Log.Debug("no question sent", slog.Any("error", err))
	}
	var hearing sync.WaitGroup
	for _, s := range sockets {
		hearing.Go(func() { b.hear(s, found) })
	}
	<-ctx.Done()
	for _, s := range sockets {
		_ = s.Close()
	}
	hearing.Wait()
}

// ears listen to the group on each interface, and by that to what is sent to
// everybody.
func (b *Bridge) ears(port int) []*net.UDPConn {
	group := &net.UDPAddr{IP: net.ParseIP(b.cfg.Find.Group), Port: port}
	var all []*net.UDPConn
	for _, n := range interfaces() {
		s, err := net.ListenMulticastUDP("udp4", &n.device, group)
		if err != nil {
			b.cfg.Log.Debug("no ear for announcements", slog.String("interface", n.device.Name), slog.Int("port", port), slog.Any("error", err))
			continue
		}
		all = append(all, s)
	}
	return all
}

// call asks who is there.
func (b *Bridge) call(mouth *net.UDPConn, networks []netip.Prefix) {
	for _, address := range b.asked(networks) {
		target, err := net.ResolveUDPAddr("udp4", address)
		if err == nil {
			_, err = mouth.WriteToUDP(question(b.cfg.Find.Group), target)
		}
		if err != nil {
			b.cfg.Log.Debug("question not sent", slog.String("to", address), slog.Any("error", err))
		}
	}
}

// asked are those whom the question is sent to. Simulated printers on this machine
// hear nothing but what is sent to their own address; they are asked where these
// networks have it.
func (b *Bridge) asked(networks []netip.Prefix) []string {
	if b.cfg.Find.Ask != nil {
		return b.cfg.Find.Ask
	}
	to := []string{at(b.cfg.Find.Group, askPort)}
	for _, n := range interfaces() {
		to = append(to, at(last(n.prefix.Masked()).String(), askPort))
	}
	for a := sameMachine.Addr(); sameMachine.Contains(a); a = a.Next() {
		if inside(networks, a) {
			to = append(to, at(a.String(), askPort))
		}
	}
	return to
}

func (b *Bridge) hear(s *net.UDPConn, found *finds) {
	buf := make([]byte, maxDatagram)
	for {
		n, from, err := s.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if p, ok := parseAnnouncement(buf[:n]); ok {
			p.Host = b.place(p.Host, from.Addr().Unmap())
			found.add(p)
		}
	}
}

// place is where the printer says it is, unless it may not be there.
func (b *Bridge) place(said string, from netip.Addr) string {
	if a, err := netip.ParseAddr(said); err == nil && b.near(a) {
		return said
	}
	return from.String()
}

// parseAnnouncement reads a NOTIFY or the answer to a question.
func parseAnnouncement(datagram []byte) (grove.FoundPrinter, bool) {
	r := textproto.NewReader(bufio.NewReader(bytes.NewReader(slices.Concat(datagram, []byte("\r\n\r\n")))))
	first, err := r.ReadLine()
	if err != nil || !strings.HasPrefix(first, "NOTIFY ") && !strings.HasPrefix(first, "HTTP/1.1 200") {
		return grove.FoundPrinter{}, false
	}
	h, err := r.ReadMIMEHeader()
	if err != nil || h.Get("NT") != printerType && h.Get("ST") != printerType || h.Get("NTS") == "ssdp:byebye" {
		return grove.FoundPrinter{}, false
	}
	word := func(name string) string { return plainText(h.Get(name), maxWords) }
	p := grove.FoundPrinter{
		Serial: word("USN"), Host: word("Location"), Name: word("DevName.bambu.com"), Model: word("DevModel.bambu.com"),
		Firmware: word("DevVersion.bambu.com"), Connect: word("DevConnect.bambu.com"), Bind: word("DevBind.bambu.com"), Found: "ssdp",
	}
	unusualPorts(&p, h.Get("Ports.grove"))
	return p, true
}

// unusualPorts reads what simulated printers say of their ports, name=port.
func unusualPorts(p *grove.FoundPrinter, said string) {
	for field := range strings.FieldsSeq(said) {
		name, number, _ := strings.Cut(field, "=")
		port, err := strconv.ParseUint(number, 10, 16)
		if err != nil {
			continue
		}
		switch name {
		case "mqtts":
			p.MQTTS = unless(grove.LANMQTTS, int(port))
		case "ftps":
			p.FTPS = unless(grove.LANFTPS, int(port))
		case "camera":
			p.Camera = unless(grove.LANCamera, int(port))
		case "rtsps":
			p.RTSPS = unless(grove.LANRTSPS, int(port))
		}
	}
}

// unless is the port, and 0 for the usual one.
func unless(usual, port int) int {
	if port == usual {
		return 0
	}
	return port
}

// network is an IPv4 network of this machine.
type network struct {
	device net.Interface
	prefix netip.Prefix // with this machine's own address
}

// interfaces are the networks that others are on.
func interfaces() []network {
	devices, err := net.Interfaces()
	if err != nil {
		return nil
	}
	var all []network
	for _, d := range devices {
		if d.Flags&net.FlagUp == 0 || d.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, err := d.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
				all = append(all, network{d, p})
			}
		}
	}
	return all
}
