package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
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
	Bind    int // who it is, plain; 3000 on real printers
	BindTLS int // the same over TLS; 3002

	// MaxClients is how many MQTT clients it bears. Zero is the model's number:
	// four with the small board (a maker's answer in BambuStudio #2404), else any.
	MaxClients int
	Maker      *Maker // signs its certificate; nil: one of its own
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
	return &c, nil
}

// lan is the printer as its network sees it. The zero lan has no network.
type lan struct {
	serial string
	cfg    LAN
	faces  []*face
	broker *lanBroker

	once        sync.Once
	certificate tls.Certificate
	err         error
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
		return &lan{broker: &lanBroker{}}
	}
	l := &lan{serial: cfg.Serial, cfg: *cfg.LAN}
	l.broker = newLANBroker(l, model, p)
	l.faces = []*face{
		{what: "MQTT", port: &l.cfg.MQTTS, serve: l.broker.serve},
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
		if at, ok := f.listener.Addr().(*net.TCPAddr); ok {
			*f.port = at.Port
		}
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
	return g.Wait()
}

// ports is where the printer stands.
func (l *lan) ports() grove.LAN {
	return grove.LAN{Serial: l.serial, Host: l.cfg.Addr, MQTTS: l.cfg.MQTTS}
}

// tls is how the printer speaks. Models differ in what else they take, but all
// take TLS 1.2 (bambuddy, ha-bambulab). The certificate is made when somebody
// comes, since a key takes long and a process holds many printers.
func (l *lan) tls() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_RSA_WITH_AES_128_GCM_SHA256, //nolint:gosec // some slicers offer little else
		},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return l.shown() },
	}
}

// shown is the certificate that the printer shows.
func (l *lan) shown() (*tls.Certificate, error) {
	l.once.Do(func() { l.certificate, l.err = l.cfg.Maker.certificate(l.serial) })
	return &l.certificate, l.err
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
