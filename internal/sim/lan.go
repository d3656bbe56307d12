package sim

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// LAN is a printer on a network: where it can be reached and by which code.
// AccessCode is needed; a port of zero is any free one.
type LAN struct {
	Addr       string       // the IP address it stands at; default 127.0.0.1
	AccessCode grove.Secret // password of the user bblp, 8 characters on real printers

	MQTTS   int // the printer's own MQTT broker
	FTPS    int // its files; 990 on real printers
	Camera  int // pictures of a P1 or A1; 6000
	RTSPS   int // video of the others; 322
	Bind    int // who it is, plain; 3000 on real printers
	BindTLS int // the same over TLS; 3002

	// MaxClients is how many MQTT clients it bears. Zero is the model's number:
	// four with the small board (a maker's answer in BambuStudio #2404), else any.
	MaxClients int
	Maker      *Maker // signs its certificate; nil: one of its own
	SSDP       *SSDP  // how it makes itself known; nil: not at all
}

// smallClients is how many MQTT clients P1 and A1 bear.
const smallClients = 4

// acceptPause is the wait after a failed accept, such as for want of descriptors.
const acceptPause = 50 * time.Millisecond

// handshakeTimeout is how long a stranger may take to sign in.
const handshakeTimeout = 10 * time.Second

// serialForm is what a serial on a network may be: it becomes a topic and a file name.
var serialForm = regexp.MustCompile(`^[0-9A-Za-z_-]{1,32}$`)

// complete is a copy with the defaults filled in; what cannot be a printer on a
// network is refused.
func (c LAN) complete(serial string) (*LAN, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1"
	}
	if c.Maker == nil {
		c.Maker = NewMaker("")
	}
	switch {
	case !serialForm.MatchString(serial):
		return nil, grove.Errorf(grove.Invalid, "sim_serial", "%q is no serial of a printer on a network; letters and digits are", serial)
	case c.AccessCode == "":
		return nil, grove.Errorf(grove.Invalid, "sim_access_code", "a printer on a network needs an access code of 8 characters")
	case net.ParseIP(c.Addr) == nil:
		return nil, grove.Errorf(grove.Invalid, "sim_addr", "%q is no IP address for a printer to stand at", c.Addr)
	}
	if c.SSDP != nil {
		c.SSDP = c.SSDP.complete(c.Addr)
	}
	return &c, nil
}

// lan is the printer as its network sees it. The zero lan has no network.
type lan struct {
	serial string
	cfg    *LAN // with real ports once it listens
	faults func() Faults
	faces  []*face
	broker *lanBroker
	beacon *beacon // nil: it is not made known
	views  atomic.Int64
	guests guests

	mu   sync.Mutex
	seen map[Pretence]*tls.Config // by what it shows
}

// face is one port of the printer.
type face struct {
	what     string
	port     *int // the real one once it listens
	listener net.Listener
	serve    func(ctx context.Context, l net.Listener) error
}

// newLAN is not listening yet.
func newLAN(cfg Config, model bambu.Model, p *Printer) *lan {
	if cfg.LAN == nil {
		return &lan{cfg: &LAN{}, broker: &lanBroker{}}
	}
	l := &lan{serial: cfg.Serial, cfg: cfg.LAN, faults: p.Faults, seen: map[Pretence]*tls.Config{}}
	l.broker = newLANBroker(l, model, p)
	who := func() identity { return p.identity(model) }
	l.faces = []*face{
		{what: "MQTT", port: &l.cfg.MQTTS, serve: l.broker.serve},
		{what: "files", port: &l.cfg.FTPS, serve: newFTPS(l, model, p).serve},
		{what: "bind", port: &l.cfg.Bind, serve: (&detect{who: who, log: cfg.Log}).serve},
		{what: "bind over TLS", port: &l.cfg.BindTLS, serve: (&detect{who: who, tls: l.tls(), log: cfg.Log}).serve},
	}
	if l.cfg.SSDP != nil {
		l.beacon = &beacon{ssdp: *l.cfg.SSDP, addr: l.cfg.Addr, who: who, log: cfg.Log}
	}
	if looksOf(model).small {
		l.cfg.RTSPS = 0 // not there
		l.faces = append(l.faces, &face{what: "pictures", port: &l.cfg.Camera, serve: newCamera(l, p).serve})
	} else {
		l.cfg.Camera = 0
		l.faces = append(l.faces, &face{what: "video", port: &l.cfg.RTSPS, serve: newVideo(l, p).serve})
	}
	return l
}

// listen opens every port that is not open.
func (l *lan) listen(ctx context.Context) error {
	for _, f := range l.faces {
		if f.listener != nil {
			continue
		}
		var err error
		f.listener, err = new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(l.cfg.Addr, strconv.Itoa(*f.port)))
		if err != nil {
			l.close()
			return fmt.Errorf("printer %s cannot serve %s there, choose another address or port: %w", l.serial, f.what, err)
		}
		if at, ok := f.listener.Addr().(*net.TCPAddr); ok && *f.port == 0 {
			*f.port = at.Port
		}
	}
	if l.beacon != nil && l.beacon.search == nil {
		l.beacon.listen(ctx)
	}
	return nil
}

func (l *lan) close() {
	for _, f := range l.faces {
		if f.listener != nil {
			_ = f.listener.Close()
			f.listener = nil
		}
	}
	if l.beacon != nil {
		l.beacon.close()
	}
}

// run serves every port until ctx ends.
func (l *lan) run(ctx context.Context) error {
	if err := l.listen(ctx); err != nil {
		return err
	}
	defer l.close()
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range l.faces {
		g.Go(func() error { return f.serve(ctx, f.listener) })
	}
	if l.beacon != nil {
		g.Go(func() error { return l.beacon.run(ctx) })
	}
	return g.Wait()
}

// ports is where the printer stands.
func (l *lan) ports() grove.LAN {
	return grove.LAN{Serial: l.serial, Host: l.cfg.Addr, MQTTS: l.cfg.MQTTS, FTPS: l.cfg.FTPS, Camera: l.cfg.Camera, RTSPS: l.cfg.RTSPS}
}

// Views is how many viewers the printer's camera has let in, since it was made.
func (p *Printer) Views() int64 { return p.lan.views.Load() }

// tls is how the printer speaks on all its ports. Models differ in what else they
// take, but all take TLS 1.2 (bambuddy, ha-bambulab). The certificate is made when
// somebody comes, since a key takes long and a process holds many printers.
func (l *lan) tls() *tls.Config {
	return &tls.Config{ //nolint:gosec // TLS 1.2 and no more is what printers speak
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return l.shown() },
	}
}

// otherSerial is in the certificate of another printer.
const otherSerial = "01P00A999999999"

// shown is how the printer speaks with its own certificate, or another one. Each
// has its own tickets: no session goes on under another certificate.
func (l *lan) shown() (*tls.Config, error) {
	as := l.faults().Certificate
	l.mu.Lock()
	defer l.mu.Unlock()
	if have, ok := l.seen[as]; ok {
		return have, nil
	}
	var made tls.Certificate
	var err error
	switch as {
	case OtherKey:
		made, err = l.cfg.Maker.leaf(l.serial)
	case OtherName:
		made, err = l.cfg.Maker.leaf(otherSerial)
	case OwnCertificate:
		made, err = l.cfg.Maker.certificate(l.serial)
	}
	if err != nil {
		return nil, err
	}
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return nil, fmt.Errorf("make ticket key: %w", err)
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{made}, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, //nolint:gosec // some slicers offer little else
		},
	}
	c.SetSessionTicketKeys([][32]byte{key})
	l.seen[as] = c
	return c, nil
}

// serveEach gives every connection to each until ctx ends, and cuts those that
// are left then.
func serveEach(ctx context.Context, l net.Listener, each func(ctx context.Context, conn net.Conn)) error {
	var open sync.WaitGroup
	defer open.Wait()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for {
		conn, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fmt.Errorf("accept: %w", err)
		case err != nil:
			select {
			case <-ctx.Done():
			case <-time.After(acceptPause):
			}
			continue
		}
		open.Go(func() {
			defer func() { _ = conn.Close() }()
			defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
			each(ctx, conn)
		})
	}
}
