package bridge

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/grovecloud/grove"
)

// premises are where a bridge elsewhere connects to, whoever asks it: the ports of
// printers in its own networks. A cloud that fell into wrong hands sees nothing else.
type premises struct {
	networks []netip.Prefix
	ports    map[int]bool
	extra    []int

	mu    sync.Mutex
	files map[netip.Addr]int // open connections to file services
}

// leastData is the first port that a printer gives for the data of a transfer. Real
// ones give 50000 to 50100 (BambuStudio), others what their system gives.
const leastData = 1024

func newPremises(networks []netip.Prefix, extra []int, f Find) *premises {
	p := &premises{networks: networks, ports: map[int]bool{}, extra: extra, files: map[netip.Addr]int{}}
	usual := grove.LAN{}.Complete()
	for _, port := range slices.Concat([]int{usual.MQTTS, usual.FTPS, usual.Camera, usual.RTSPS, f.Detect, f.DetectTLS}, f.MQTTS, extra) {
		p.ports[port] = true
	}
	return p
}

// inside reports whether an address is in its networks.
func inside(networks []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Contains(a) })
}

// allows: a port of printers, or one for data on a machine whose file service is
// being spoken to.
func (p *premises) allows(at netip.AddrPort) bool {
	if !inside(p.networks, at.Addr()) {
		return false
	}
	if p.ports[int(at.Port())] {
		return true
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return at.Port() >= leastData && p.files[at.Addr()] > 0
}

// dial connects to a printer. It looks at the address that a name turned out to
// have, so that no name leads elsewhere.
func (p *premises) dial(ctx context.Context, address string) (net.Conn, error) {
	d := net.Dialer{ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !p.allows(plainAt(at)) {
			return &trouble{
				reasonForeign, address + " is not for the bridge to connect to: it is no port of a printer in " + p.where(),
				"if the printer is really there, start grove bridge with its --network, or --port", nil,
			}
		}
		return nil
	}}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, unreachable(address, err)
	}
	at := plainAt(netip.MustParseAddrPort(conn.RemoteAddr().String())) // of TCP always one
	if !p.carriesFiles(int(at.Port())) {
		return conn, nil
	}
	return p.noted(conn, at.Addr()), nil
}

func plainAt(at netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
}

func (p *premises) carriesFiles(port int) bool {
	return port == grove.LANFTPS || slices.Contains(p.extra, port)
}

// noted counts a connection to a file service until it is closed.
func (p *premises) noted(conn net.Conn, a netip.Addr) net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.files[a]++
	return &fileLine{Conn: conn, closed: sync.OnceFunc(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.files[a]--; p.files[a] == 0 {
			delete(p.files, a)
		}
	})}
}

type fileLine struct {
	net.Conn

	closed func()
}

// Close ends the connection, and what was allowed for it.
func (f *fileLine) Close() error {
	f.closed()
	return f.Conn.Close()
}

// CloseWrite says that no more comes.
func (f *fileLine) CloseWrite() error { return closeWrite(f.Conn) }

func closeWrite(c net.Conn) error {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

func (p *premises) where() string {
	return fmt.Sprintf("%v, which are %v", p.networks, slices.Sorted(maps.Keys(p.ports)))
}

// Networks are the private networks of this machine, in which a bridge reaches
// printers unless it is told others.
func Networks() []netip.Prefix {
	var all []netip.Prefix
	for _, n := range interfaces() {
		if p := n.prefix.Masked(); (p.Addr().IsPrivate() || p.Addr().IsLinkLocalUnicast()) && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return all
}
