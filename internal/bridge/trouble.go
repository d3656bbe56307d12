package bridge

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"unicode"

	"github.com/grovecloud/grove"
)

// Reasons why a printer is not connected, beside ReasonStranger.
const (
	reasonUnreachable = "printer_unreachable"
	reasonForeign     = "address_not_allowed"
	reasonNoTLS       = "no_printer_there"
	reasonRefused     = "access_code_refused"
	reasonBusy        = "printer_takes_no_more"
	reasonLost        = "connection_lost"
	reasonStalled     = "printer_stalled"
	reasonOther       = "wrong_printer"
	reasonUnvouched   = "certificate_not_vouched"
)

// trouble is what went wrong with a connection, and what to do about it.
type trouble struct {
	reason, found, advice string
	err                   error
}

// Error says both, with the cause for the log.
func (t *trouble) Error() string { return t.told().Error() }

// Unwrap gives the cause.
func (t *trouble) Unwrap() error { return t.err }

// told is the trouble in the words of the house.
func (t *trouble) told() *grove.Error {
	return &grove.Error{Code: grove.Conflict, Reason: t.reason, Message: t.found + "; " + t.advice, Err: t.err}
}

// troubleOf puts any error of a connection into words.
func troubleOf(err error) *trouble {
	if t, ok := errors.AsType[*trouble](err); ok {
		return t
	}
	if e, ok := errors.AsType[*grove.Error](err); ok { // of Trust
		advice := "it is tried again by itself"
		switch e.Reason {
		case ReasonStranger:
			advice = "nothing is sent to it until then"
		case reasonOther:
			advice = "or look which printer has it now"
		case reasonUnvouched:
			advice = "add the authority of this model, and the one between, to the file of --lan-ca"
		}
		return &trouble{e.Reason, e.Message, advice, err}
	}
	return &trouble{reasonLost, "the connection broke", "it is tried again by itself", err}
}

// unreachable explains why no connection came up.
func unreachable(address string, err error) *trouble {
	if t, ok := errors.AsType[*trouble](err); ok {
		return t
	}
	t := &trouble{reasonUnreachable, "nothing answers at " + address, "check that the printer is on, its address, and that both are on the same network", err}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		t.found, t.advice = "no address is known for the name in "+address, "give the printer's address, which stands on its screen under network"
	case errors.Is(err, syscall.ECONNREFUSED):
		t.found = "there is a machine at " + address + ", but nothing listens on that port"
		t.advice = "check that it is a printer, that LAN mode is on, and the port"
	}
	return t
}

// to connects to a printer's host:port, through the bridge of its network.
func (b *Bridge) to(l grove.LAN) func(ctx context.Context, address string) (net.Conn, error) {
	if l.Bridge == "" {
		return b.dialAt
	}
	return func(ctx context.Context, address string) (net.Conn, error) {
		t, err := b.reached(l.Bridge)
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
		defer cancel()
		return t.dial(ctx, address)
	}
}

// dial opens a TCP connection, to addresses of allowed networks only: whoever names
// an address could else make the server knock anywhere.
func (b *Bridge) dial(ctx context.Context, host string, port int) (net.Conn, error) {
	return b.dialAt(ctx, at(host, port))
}

func (b *Bridge) dialAt(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, b.cfg.Patience)
	defer cancel()
	d := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		if !b.allowed(address) {
			return &trouble{reasonForeign, address + " is on no private network", "name its network in " + b.flag() + " if the printer is really there", nil}
		}
		return nil
	}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, unreachable(address, err)
	}
	return conn, nil
}

func (b *Bridge) allowed(address string) bool {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return false
	}
	return b.near(at.Addr().Unmap().WithZone(""))
}

// near reports whether printers may be at an address.
func (b *Bridge) near(a netip.Addr) bool {
	if b.only != nil {
		return inside(b.only, a)
	}
	if a.IsLoopback() || a.IsPrivate() || a.IsLinkLocalUnicast() {
		return true
	}
	return inside(b.cfg.Networks, a)
}

// flag is where an operator says in which networks printers are.
func (b *Bridge) flag() string {
	if b.only != nil {
		return "--network of the bridge"
	}
	return "--lan-networks of the server"
}

// plainText is words of a stranger fit for a message: short, and of one line.
func plainText(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' { // a terminal would obey it, or show the words in another order
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return s
}
