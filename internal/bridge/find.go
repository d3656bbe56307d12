package bridge

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// Find is where printers are looked for. The zero Find is where real ones are.
type Find struct {
	// Group is the multicast group of announcements, Ports those that are listened
	// on: printers announce on 2021 and write 1990 (bambuddy, captures).
	Group string
	Ports []int
	// Ask are the host:port to which the question who is there is sent; nil: the
	// group, and everybody on each network.
	Ask []string
	// MQTTS are the ports tried at each address of a network, Detect and DetectTLS
	// those on which a printer says who it is.
	MQTTS             []int
	Detect, DetectTLS int
	// Glance is how long one address may take.
	Glance time.Duration
}

func (f Find) complete() Find {
	f.Group = cmp.Or(f.Group, "239.255.255.250")
	f.Detect, f.DetectTLS = cmp.Or(f.Detect, 3000), cmp.Or(f.DetectTLS, 3002)
	f.Glance = cmp.Or(f.Glance, time.Second)
	if f.Ports == nil {
		f.Ports = []int{2021, 1990}
	}
	if f.MQTTS == nil {
		f.MQTTS = []int{grove.LANMQTTS}
	}
	return f
}

const (
	mostFound   = 4096 // printers of one search
	scanAtOnce  = 128
	widestBits  = 22 // of a network that is scanned: 1,024 addresses
	longestLook = 30 * time.Second
)

// sameMachine is looked at, too, since simulators begin at 127.0.0.1 and go on from there.
var sameMachine = netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 24)

// Search finds printers: those that announce themselves or answer the question who
// is there, and those that answer at an address of the subnet, or without one of
// each private network of this machine that is no wider than 1,024 addresses and at
// 127.0.0.0 to 127.0.0.255.
func (b *Bridge) Search(ctx context.Context, s grove.LANSearch) ([]grove.FoundPrinter, error) {
	if s.Bridge != "" {
		t, err := b.reached(s.Bridge)
		if err != nil {
			return nil, troubleOf(err).told()
		}
		s.Bridge = ""
		return t.search(ctx, s)
	}
	networks, err := b.networks(s.Subnet)
	if err != nil {
		return nil, err
	}
	if s.Wait == 0 {
		s.Wait = 5 * time.Second
	}
	if s.Wait < 0 || s.Wait > longestLook {
		return nil, grove.Errorf(grove.Invalid, "bad_wait", "a search takes 1 to %d seconds, not %g", int(longestLook.Seconds()), s.Wait.Seconds())
	}
	ctx, cancel := context.WithTimeout(ctx, longestLook)
	defer cancel()
	found := &finds{by: map[string]grove.FoundPrinter{}}
	listening, enough := context.WithTimeout(ctx, s.Wait)
	defer enough()
	var looking sync.WaitGroup
	looking.Go(func() { b.listenFor(listening, networks, found) })
	looking.Go(func() { b.scan(ctx, networks, found) })
	looking.Wait()
	return found.all(), nil
}

// networks are those to scan.
func (b *Bridge) networks(subnet string) ([]netip.Prefix, error) {
	if subnet == "" {
		return b.own(), nil
	}
	n, err := netip.ParsePrefix(subnet)
	switch {
	case err != nil || !n.Addr().Is4():
		return nil, grove.Errorf(grove.Invalid, "bad_subnet", "%.60q is no IPv4 network; write it like 192.168.1.0/24", subnet)
	case n.Bits() < widestBits:
		return nil, grove.Errorf(grove.Invalid, "bad_subnet", "%s is too wide: a search looks at 1,024 addresses at most, which is a /%d", subnet, widestBits)
	}
	n = n.Masked()
	if !b.near(n.Addr()) || !b.near(last(n)) {
		return nil, grove.Errorf(grove.Invalid, reasonForeign,
			"%s is no private network of its own; name it in %s if printers are really there", subnet, b.flag())
	}
	return []netip.Prefix{n}, nil
}

// last is the last address of an IPv4 network.
func last(n netip.Prefix) netip.Addr {
	a := n.Addr().As4()
	for i := n.Bits(); i < 32; i++ {
		a[i/8] |= 1 << (7 - i%8)
	}
	return netip.AddrFrom4(a)
}

// own are the private networks of this machine and the addresses of it alone at which
// simulated printers stand, or those that it is for, which are not too wide.
func (b *Bridge) own() []netip.Prefix {
	var all []netip.Prefix
	for _, n := range b.only {
		if n.Addr().Is4() && n.Bits() >= widestBits {
			all = append(all, n.Masked())
		}
	}
	if b.only != nil {
		return all
	}
	for _, n := range interfaces() {
		if p := n.prefix.Masked(); p.Bits() >= widestBits && b.near(p.Addr()) && !slices.Contains(all, p) {
			all = append(all, p)
		}
	}
	return append(all, sameMachine)
}

// finds are the printers found so far, by serial.
type finds struct {
	mu sync.Mutex
	by map[string]grove.FoundPrinter
}

// serials of printers are upper case letters and digits; other servers that speak
// MQTT over TLS have names of hosts in their certificates.
var foundSerial = regexp.MustCompile(`^[0-9A-Z]{8,24}$`)

// add keeps what is new: who says more of itself wins over who was only met.
func (f *finds) add(p grove.FoundPrinter) {
	if !foundSerial.MatchString(p.Serial) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	before, known := f.by[p.Serial]
	if !known && len(f.by) >= mostFound {
		return
	}
	if known {
		p.Name, p.Model, p.Firmware = cmp.Or(p.Name, before.Name), cmp.Or(p.Model, before.Model), cmp.Or(p.Firmware, before.Firmware)
		p.Connect, p.Bind = cmp.Or(p.Connect, before.Connect), cmp.Or(p.Bind, before.Bind)
		p.MQTTS, p.FTPS, p.Camera, p.RTSPS = cmp.Or(p.MQTTS, before.MQTTS), cmp.Or(p.FTPS, before.FTPS), cmp.Or(p.Camera, before.Camera), cmp.Or(p.RTSPS, before.RTSPS)
	}
	f.by[p.Serial] = p
}

func (f *finds) all() []grove.FoundPrinter {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Collect(maps.Values(f.by))
}

// scan tries each address of the networks.
func (b *Bridge) scan(ctx context.Context, networks []netip.Prefix, found *finds) {
	var trying sync.WaitGroup
	defer trying.Wait()
	free := make(chan struct{}, scanAtOnce)
	for _, n := range networks {
		for a := n.Addr(); n.Contains(a) && ctx.Err() == nil; a = a.Next() {
			for _, port := range b.cfg.Find.MQTTS {
				free <- struct{}{}
				trying.Go(func() {
					if p, ok := b.meet(ctx, a.String(), port); ok {
						found.add(p)
					}
					<-free
				})
			}
		}
	}
}

// meet looks who is at an address. Nothing secret is said.
func (b *Bridge) meet(ctx context.Context, host string, port int) (grove.FoundPrinter, bool) {
	serial, ok := b.nameOf(ctx, host, port)
	if !ok {
		return grove.FoundPrinter{}, false
	}
	p := grove.FoundPrinter{Serial: serial, Host: host, Found: "scan", MQTTS: unless(grove.LANMQTTS, port)}
	said, ok := b.detect(ctx, host)
	if ok && said.Serial == serial {
		p.Name, p.Model, p.Firmware, p.Connect, p.Bind, p.Found = said.Name, said.Model, said.Firmware, said.Connect, said.Bind, "detect"
	}
	return p, true
}
