package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"time"

	"golang.org/x/crypto/acme"
)

// lookEvery is how often certificates are looked after: files that changed,
// names that changed, ends that come near.
const lookEvery = time.Minute

// source has certificates for some names.
type source interface {
	// certificate is nil where the source has none for what the client asks.
	certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// covers reports whether clients that come by this name get one from here.
	covers(host string) bool
	// kind is how the source is called: built_in, file or acme.
	kind() string
	// look brings the source up to date; atOnce is set when the operator asked.
	look(ctx context.Context, atOnce bool)
}

// certificates are what the TLS listeners show. The first source that has one for
// the client's name is asked; the built-in CA, which is last, has one for everybody,
// so that what runs on this machine trusts the same file whatever else is set up.
type certificates struct{ sources []source }

func (s *Server) openCertificates(context.Context) (err error) {
	log := s.log.With(slog.String("component", "certificates"))
	if s.cfg.CertFile != "" {
		p, err := openPair(s.cfg.CertFile, s.cfg.KeyFile, log)
		if err != nil {
			s.dir.unmake()
			return err
		}
		s.certs.sources = append(s.certs.sources, p)
	}
	if len(s.cfg.ACME) > 0 {
		a, err := openACME(s.cfg, s.dir, log)
		if err != nil {
			return err
		}
		s.certs.sources = append(s.certs.sources, a)
	}
	if s.ca, err = openAuthority(s.dir, func() []string { return hostNames(s.cfg) }); err != nil {
		return err
	}
	s.certs.sources = append(s.certs.sources, s.ca)
	return nil
}

// tls is the server side of every TLS listener. Session tickets are off: a
// client that never reads would lose what it published, since unread tickets
// make the kernel reset its connection.
func (c certificates) tls() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true, GetCertificate: c.certificate}
}

// https also lets an ACME CA look, which speaks a protocol of its own.
func (c certificates) https() *tls.Config {
	config := c.tls()
	config.NextProtos = []string{"h2", "http/1.1", acme.ALPNProto}
	return config
}

func (c certificates) certificate(hello *tls.ClientHelloInfo) (cert *tls.Certificate, err error) {
	for _, s := range c.sources {
		if cert, err = s.certificate(hello); cert != nil || err != nil {
			break
		}
	}
	return cert, err
}

// needsCA reports whether clients that come by this name must be given the
// built-in CA, since no other source has a certificate for it.
func (c certificates) needsCA(host string) bool {
	for _, s := range c.sources[:len(c.sources)-1] {
		if s.covers(host) {
			return false
		}
	}
	return true
}

// run looks after the certificates until ctx ends, and at once when asked.
func (c certificates) run(ctx context.Context, asked <-chan os.Signal) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for atOnce := false; ; {
		for _, s := range c.sources {
			s.look(ctx, atOnce)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-asked:
			atOnce = true
		case <-tick.C:
			atOnce = false
		}
	}
}

// asksFor is the name that a client wants to see: the one that it sent, or the
// address that it connected to, since clients send no addresses as names.
func asksFor(hello *tls.ClientHelloInfo) string {
	if hello.ServerName != "" || hello.Conn == nil {
		return hello.ServerName
	}
	host, _, _ := net.SplitHostPort(hello.Conn.LocalAddr().String()) // an open connection's
	return host
}

// names reports whether a certificate is made out to a host.
func names(cert *x509.Certificate, host string) bool {
	return host != "" && cert.VerifyHostname(host) == nil
}
