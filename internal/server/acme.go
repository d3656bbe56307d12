package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/grovecloud/grove"
)

const (
	acmeWithin = 5 * time.Minute // for one certificate
	// acmeFirstWait doubles with each failure up to acmeMostWait. Public CAs take
	// five failures an hour.
	acmeFirstWait = 10 * time.Minute
	acmeMostWait  = 6 * time.Hour
)

// acmeSource has certificates of a CA that speaks ACME (RFC 8555). They are
// ordered ahead of need and never within a handshake: until one is there, and if
// none ever comes, the built-in CA serves its name. The CA proves each name by
// TLS-ALPN-01 (RFC 8737) at port 443, which must lead to the HTTPS listener.
type acmeSource struct {
	hosts  []string
	dir    string // account.pem, and a file a host with key and chain
	client *acme.Client
	log    *slog.Logger

	mu     sync.Mutex
	shown  map[string]*tls.Certificate
	proofs map[string]*tls.Certificate // for the CA while it looks

	// Of look alone:
	failures map[string]int
	next     map[string]time.Time // no try before
}

// openACME reads what was ordered before; nobody is asked yet. Each CA has a
// directory of its own, so that a change from a CA for trials takes effect.
func openACME(c Config, d *directory, log *slog.Logger) (*acmeSource, error) {
	u, err := url.Parse(c.ACMEDirectory)
	if err != nil {
		return nil, err // refused by Config.check
	}
	asks := c.acmeClient
	if asks == nil {
		asks = &http.Client{Timeout: 30 * time.Second}
	}
	a := &acmeSource{
		hosts: c.ACME, dir: d.file("acme", strings.ReplaceAll(u.Host, ":", "_")), log: log.With(slog.String("ca", c.ACMEDirectory)),
		shown: map[string]*tls.Certificate{}, proofs: map[string]*tls.Certificate{},
		failures: map[string]int{}, next: map[string]time.Time{},
	}
	if err := os.MkdirAll(a.dir, 0o700); err != nil {
		return nil, unwritable(d.path, err)
	}
	key, err := a.accountKey()
	if err != nil {
		return nil, err
	}
	a.client = &acme.Client{Key: key, HTTPClient: asks, DirectoryURL: c.ACMEDirectory, UserAgent: "grove/" + c.Version, RetryBackoff: briefly}
	for _, h := range a.hosts {
		if cert, err := tls.LoadX509KeyPair(a.file(h), a.file(h)); err == nil && names(cert.Leaf, h) {
			a.shown[h] = &cert
		}
	}
	return a, nil
}

// briefly lets a request to the CA be sent three times. A CA that says "too many"
// is asked again with the next order.
func briefly(n int, _ *http.Request, res *http.Response) time.Duration {
	if n > 2 || res.StatusCode == http.StatusTooManyRequests {
		return 0
	}
	return time.Duration(n) * time.Second
}

func (a *acmeSource) file(host string) string { return filepath.Join(a.dir, host+".pem") }

// accountKey is what the CA knows this server by, made at the first start.
func (a *acmeSource) accountKey() (*ecdsa.PrivateKey, error) {
	name := a.file("account")
	raw, err := os.ReadFile(name) //nolint:gosec // G304: the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		key, block, err := newPEMKey()
		if err != nil {
			return nil, err
		}
		return key, writeSecret(name, block)
	}
	if err != nil {
		return nil, unwritable(a.dir, err)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, badAccount(name, nil)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, badAccount(name, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, badAccount(name, nil)
	}
	return key, nil
}

func badAccount(name string, err error) error {
	return &grove.Error{
		Code: grove.Invalid, Reason: "bad_acme_account", Err: err,
		Message: name + " holds no key; restore it, or remove it and the server opens a new account with the CA",
	}
}

func (a *acmeSource) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	host := strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
	a.mu.Lock()
	defer a.mu.Unlock()
	if slices.Equal(hello.SupportedProtos, []string{acme.ALPNProto}) {
		if proof := a.proofs[host]; proof != nil {
			return proof, nil
		}
		return nil, grove.Errorf(grove.NotFound, "no_challenge", "no certificate for %q is on order", host)
	}
	return a.shown[host], nil // nil: another source is to answer
}

func (a *acmeSource) kind() string { return "acme" }

func (a *acmeSource) covers(host string) bool { return slices.Contains(a.hosts, host) }

// look orders what is missing, or has a third of its life left.
func (a *acmeSource) look(ctx context.Context, atOnce bool) {
	for _, h := range a.hosts {
		if now := time.Now(); a.due(h, now) && (atOnce || !now.Before(a.next[h])) {
			a.order(ctx, h)
		}
	}
}

func (a *acmeSource) due(host string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	cert := a.shown[host]
	return cert == nil || now.After(cert.Leaf.NotAfter.Add(-cert.Leaf.NotAfter.Sub(cert.Leaf.NotBefore)/3))
}

// order gets a certificate, or says why not and when it tries again.
func (a *acmeSource) order(ctx context.Context, host string) {
	cert, err := a.obtain(ctx, host)
	switch {
	case err == nil:
		a.mu.Lock()
		a.shown[host] = cert
		a.mu.Unlock()
		delete(a.failures, host)
		delete(a.next, host)
		a.log.Info("certificate issued", slog.String("host", host), slog.Time("not_after", cert.Leaf.NotAfter))
	case ctx.Err() == nil:
		wait := min(acmeFirstWait<<min(a.failures[host], 10), acmeMostWait)
		a.failures[host]++
		a.next[host] = time.Now().Add(wait)
		a.log.Error("no certificate", slog.String("host", host), slog.Any("error", err), slog.Duration("next_try_in", wait))
	}
}

func (a *acmeSource) obtain(ctx context.Context, host string) (*tls.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, acmeWithin)
	defer cancel()
	if _, err := a.client.Register(ctx, &acme.Account{}, acme.AcceptTOS); err != nil && !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return nil, fmt.Errorf("the CA opens no account for this server: %w", err)
	}
	order, err := a.client.AuthorizeOrder(ctx, acme.DomainIDs(host))
	if err != nil {
		return nil, fmt.Errorf("the CA takes no order for %s: %w", host, err)
	}
	for _, at := range order.AuthzURLs {
		if err := a.prove(ctx, host, at); err != nil {
			return nil, err
		}
	}
	if order, err = a.client.WaitOrder(ctx, order.URI); err != nil {
		return nil, fmt.Errorf("the CA gave the order up: %w", err)
	}
	return a.fetch(ctx, host, order)
}

// prove shows the CA that this server is at the host.
func (a *acmeSource) prove(ctx context.Context, host, at string) error {
	z, err := a.client.GetAuthorization(ctx, at)
	if err != nil {
		return fmt.Errorf("the CA does not say how to prove %s: %w", host, err)
	}
	if z.Status == acme.StatusValid {
		return nil
	}
	i := slices.IndexFunc(z.Challenges, func(c *acme.Challenge) bool { return c.Type == "tls-alpn-01" })
	if i < 0 {
		return fmt.Errorf("the CA does not offer TLS-ALPN-01 for %s, and this server proves a name in no other way", host)
	}
	proof, err := a.client.TLSALPN01ChallengeCert(z.Challenges[i].Token, host)
	if err != nil {
		return fmt.Errorf("answer the challenge: %w", err)
	}
	a.show(host, &proof)
	defer a.show(host, nil)
	if _, err := a.client.Accept(ctx, z.Challenges[i]); err != nil {
		return fmt.Errorf("the CA does not look: %w", err)
	}
	if _, err := a.client.WaitAuthorization(ctx, z.URI); err != nil {
		return fmt.Errorf("the CA did not find this server at %s; port 443 of that name must lead to --http here: %w", host, err)
	}
	return nil
}

func (a *acmeSource) show(host string, proof *tls.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.proofs[host] = proof
}

// fetch has a fresh key certified and keeps both.
func (a *acmeSource) fetch(ctx context.Context, host string, order *acme.Order) (*tls.Certificate, error) {
	key, content, err := newPEMKey()
	if err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{host}}, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	chain, _, err := a.client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, fmt.Errorf("the CA issued nothing: %w", err)
	}
	for _, der := range chain {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	cert, err := tls.X509KeyPair(content, content)
	if err != nil {
		return nil, fmt.Errorf("the CA sent a certificate that can't be used: %w", err)
	}
	if !names(cert.Leaf, host) {
		return nil, fmt.Errorf("the CA sent a certificate for %v instead of %s", cert.Leaf.DNSNames, host)
	}
	if err := writeSecret(a.file(host), content); err != nil {
		// It is good, and orders are few: shown, and ordered anew after a restart.
		a.log.Error("certificate not kept", slog.String("host", host), slog.Any("error", err))
	}
	return &cert, nil
}

func newPEMKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// writeSecret writes a file for this user alone, whole or not at all.
func writeSecret(name string, content []byte) error {
	half := name + ".new"
	if err := os.WriteFile(half, content, 0o600); err != nil {
		return unwritable(filepath.Dir(name), err)
	}
	if err := os.Rename(half, name); err != nil {
		return unwritable(filepath.Dir(name), err)
	}
	return nil
}
