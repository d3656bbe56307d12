package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// pair is the operator's own certificate and key, read anew when the files change.
type pair struct {
	certFile, keyFile string
	log               *slog.Logger

	mu     sync.Mutex
	shown  *tls.Certificate
	tried  []byte // what the files held when they were last read
	failed string // what was last wrong with them, so that it is said once
}

// openPair reads the files, or says which is wrong and why.
func openPair(certFile, keyFile string, log *slog.Logger) (*pair, error) {
	p := &pair{certFile: certFile, keyFile: keyFile, log: log}
	cert, raw, err := p.read()
	if err != nil {
		return nil, err
	}
	p.shown, p.tried = cert, raw
	return p, nil
}

func (p *pair) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !names(p.shown.Leaf, asksFor(hello)) {
		return nil, nil //nolint:nilnil // a source's way to say that another is to answer
	}
	return p.shown, nil
}

func (p *pair) kind() string { return "file" }

func (p *pair) covers(host string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return names(p.shown.Leaf, host)
}

// look takes a new pair when there is one. A broken one is told once, and the old
// one stays.
func (p *pair) look(context.Context, bool) {
	cert, raw, err := p.read()
	p.mu.Lock()
	defer p.mu.Unlock()
	if err != nil {
		if p.failed != err.Error() {
			p.log.Error("new certificate refused, the old one stays", slog.Any("error", err))
		}
		p.failed = err.Error()
		return
	}
	p.failed = ""
	if bytes.Equal(raw, p.tried) {
		return
	}
	p.shown, p.tried = cert, raw
	p.log.Info("certificate changed", slog.String("file", p.certFile), slog.Time("not_after", cert.Leaf.NotAfter))
}

// read gives the pair and what the files hold.
func (p *pair) read() (*tls.Certificate, []byte, error) {
	certPEM, err := readPEM("--tls-cert", p.certFile, "CERTIFICATE")
	if err != nil {
		return nil, nil, err
	}
	keyPEM, err := readPEM("--tls-key", p.keyFile, "PRIVATE KEY")
	if err != nil {
		return nil, nil, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return nil, nil, badPair(err, "the certificate in %s and the key in %s do not belong together; the server's certificate must come first in its file, those of its issuers after it", p.certFile, p.keyFile)
	}
	if time.Now().After(cert.Leaf.NotAfter) {
		return nil, nil, badPair(nil, "the certificate in %s ended on %s; renew it", p.certFile, cert.Leaf.NotAfter.Format(time.DateOnly))
	}
	return &cert, append(certPEM, keyPEM...), nil
}

// readPEM reads a file that must hold a block of a kind.
func readPEM(flag, file, kind string) ([]byte, error) {
	raw, err := os.ReadFile(file) //nolint:gosec // G304: the operator names the file
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return nil, badPair(err, "%s %s can't be read: %v", flag, file, path.Err)
	}
	if err != nil {
		return nil, badPair(err, "%s %s can't be read", flag, file)
	}
	for rest := raw; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, badPair(nil, "%s %s holds no %s in PEM form, a block that begins with -----BEGIN", flag, file, strings.ToLower(kind))
		}
		if strings.HasPrefix(block.Type, "ENCRYPTED") || block.Headers["DEK-Info"] != "" {
			return nil, badPair(nil, "the key in %s is locked with a passphrase; give it without one, in a file that only this user can read", file)
		}
		if strings.HasSuffix(block.Type, kind) {
			return raw, nil
		}
	}
}

func badPair(err error, format string, args ...any) error {
	e := grove.Errorf(grove.Invalid, "bad_certificate", format, args...)
	e.Err = err
	return e
}
