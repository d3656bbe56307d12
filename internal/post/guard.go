package post

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"unicode/utf8"

	"code.dny.dev/ssrf"

	"github.com/grovecloud/grove"
)

// maxURL is the longest address in bytes.
const maxURL = 2048

// metadata are addresses at which clouds tell a machine its own secrets, inside
// ranges that AllowPrivate would open.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),      // AWS
	netip.MustParseAddr("fd20:ce::254"),       // Google
	netip.MustParseAddr("fd00:42::42"),        // Scaleway
	netip.MustParseAddr("fd00:c1::a9fe:a9fe"), // Oracle
}

// guard decides which addresses may be connected to.
type guard struct {
	loopback, private bool
	public            *ssrf.Guardian
}

func newGuard(cfg Config) guard {
	return guard{
		loopback: cfg.AllowLoopback,
		private:  cfg.AllowPrivate,
		public:   ssrf.New(ssrf.WithPorts(80, 443, 8443)),
	}
}

// control decides about one address; an error keeps the connection from being made.
type control func(netip.AddrPort) error

// atConnect is the net.Dialer's Control: it sees the very address that is about
// to be connected to, after any name was resolved.
func (c control) atConnect(network, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return refused("it is not a TCP address")
	}
	return c(ap)
}

// control allows TLS connections.
func (g guard) control(ap netip.AddrPort) error {
	_, err := g.check(ap)
	return err
}

// controlPlain allows connections without TLS, which stay in the house.
func (g guard) controlPlain(ap netip.AddrPort) error {
	near, err := g.check(ap)
	if err == nil && !near {
		return needsTLS()
	}
	return err
}

// check decides about one address. near is true for an address of this machine
// or its network that the operator has opened.
func (g guard) check(ap netip.AddrPort) (near bool, err error) {
	addr := ap.Addr().Unmap().WithZone("")
	switch {
	case !addr.IsValid() || slices.Contains(metadata, addr):
		return false, refused("this address is reserved")
	case addr.IsLoopback() || ownPublic(addr):
		if !g.loopback {
			return false, refused("it leads back to this server itself; the operator can allow that with --webhooks-to-loopback")
		}
		return true, nil
	case addr.IsPrivate():
		if !g.private {
			return false, refused("it leads into a private network; the operator can allow that with --webhooks-to-private")
		}
		return true, nil
	}
	switch err := g.public.SafeAddrPort(netip.AddrPortFrom(addr, ap.Port())); {
	case errors.Is(err, ssrf.ErrProhibitedPort):
		return false, wrongPort()
	case err != nil:
		return false, refused("it is not a public address")
	}
	return false, nil
}

// ownPublic is true for an address of this machine that is not private: whatever
// a firewall keeps from strangers, a program here could reach through it.
func ownPublic(addr netip.Addr) bool {
	if addr.IsPrivate() || !addr.IsGlobalUnicast() {
		return false
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(own, func(a net.Addr) bool {
		p, err := netip.ParsePrefix(a.String())
		return err == nil && p.Addr().Unmap() == addr
	})
}

// dialer resolves a name once, refuses it when any of its addresses is refused,
// and connects to the addresses it has checked.
type dialer struct {
	net.Dialer

	check control
}

func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("split address: %w", err)
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read port: %w", err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("resolve name: %w", err)
	}
	for _, addr := range addrs {
		if err := d.check(netip.AddrPortFrom(addr, uint16(port))); err != nil {
			return nil, err
		}
	}
	for _, addr := range addrs {
		var conn net.Conn
		conn, err = d.DialContext(ctx, network, netip.AddrPortFrom(addr.Unmap(), uint16(port)).String())
		if err == nil {
			return conn, nil
		}
	}
	return nil, fmt.Errorf("connect: %w", err)
}

// CheckURL says in words why requests may not go to address, as far as that can be
// seen without resolving a name; Post looks at the resolved addresses again.
func (s *Sender) CheckURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || len(address) > maxURL || u.Host == "" || u.Opaque != "":
		return refused("it is not a complete address such as https://example.org/hook")
	case u.Scheme != "https" && u.Scheme != "http":
		return refused("it must begin with https://")
	case u.User != nil:
		return refused("a user name and password in the address would end up in logs; every request is signed instead")
	}
	port, err := portOf(u)
	if err != nil {
		return err
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return s.checkAddr(u.Scheme, netip.AddrPortFrom(addr, port))
	}
	return s.guard.checkName(u.Scheme, host, port)
}

func (s *Sender) checkAddr(scheme string, ap netip.AddrPort) error {
	if ap.Addr().Zone() != "" {
		return refused("it is not a public address")
	}
	if scheme == "http" {
		return s.guard.controlPlain(ap)
	}
	return s.guard.control(ap)
}

func (g guard) checkName(scheme, host string, port uint16) error {
	last := host[strings.LastIndexByte(host, '.')+1:]
	switch {
	case !isASCII(host):
		return refused("write the server's name in its xn-- form")
	case isNumber(last):
		// Some resolvers read 2130706433, 0x7f.1 and 0177.0.0.1 as addresses.
		return refused("write the address as four numbers with dots, or use a name")
	case last == "localhost" && !g.loopback:
		return refused("it leads back to this server itself; the operator can allow that with --webhooks-to-loopback")
	case g.loopback || g.private:
		return nil // where the name leads decides
	case scheme == "http":
		return needsTLS()
	}
	switch port {
	case 80, 443, 8443:
		return nil
	}
	return wrongPort()
}

func portOf(u *url.URL) (uint16, error) {
	text := u.Port()
	if text == "" && u.Scheme == "http" {
		return 80, nil
	}
	if text == "" {
		return 443, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n == 0 {
		return 0, refused("its port is not a number from 1 to 65535")
	}
	return uint16(n), nil
}

// isNumber reads like a browser: the last label of a name never is a number.
func isNumber(label string) bool {
	_, err := strconv.ParseUint(label, 0, 64)
	digits := strings.Trim(label, "0123456789") == ""
	hex := strings.HasPrefix(label, "0x")
	return err == nil || digits || hex
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}

func needsTLS() error {
	return refused("requests to the internet need https://")
}

func wrongPort() error {
	return refused("servers on the internet are reached on port 443, 8443 or 80 only")
}

func refused(why string) error {
	words := "the address cannot be used: " + why
	return &grove.Error{
		Code: grove.Invalid, Reason: "url_refused", Message: words, Fields: map[string]string{"url": words},
	}
}
