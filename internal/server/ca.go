package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const (
	caLife   = 10 * 365 * 24 * time.Hour
	leafLife = 90 * 24 * time.Hour
	renewAt  = 30 * 24 * time.Hour
)

// authority is the certificate authority of one installation, made at its first
// start. Leaves live 90 days and are renewed while the server runs.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
	// hosts are the names to make leaves out to; they may change.
	hosts func() []string

	mu    sync.Mutex
	leaf  *tls.Certificate
	named []string // in the leaf
}

// readAuthority reads the CA's certificate alone.
func readAuthority(d *directory) (*authority, []byte, error) {
	raw, err := os.ReadFile(d.file("ca.pem"))
	if err != nil {
		return nil, nil, noCA(d.path)
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, nil, noCA(d.path)
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, nil, noCA(d.path)
	}
	return &authority{cert: cert}, raw, nil
}

// openAuthority reads ca.pem and ca.key of the directory, or makes them.
func openAuthority(d *directory, hosts func() []string) (*authority, error) {
	a := &authority{file: d.file("ca.pem"), hosts: hosts}
	certPEM, err := os.ReadFile(a.file)
	if errors.Is(err, fs.ErrNotExist) {
		return a, a.make(d)
	}
	if err != nil {
		return nil, unwritable(d.path, err)
	}
	keyPEM, err := os.ReadFile(d.file("ca.key"))
	if err != nil {
		return nil, unwritable(d.path, err)
	}
	if err := a.load(certPEM, keyPEM); err != nil {
		return nil, &grove.Error{
			Code: grove.Invalid, Reason: "bad_ca", Err: err,
			Message: a.file + " and ca.key beside it can't be used; restore both, or remove both and hand the new CA to every client",
		}
	}
	return a, nil
}

func (a *authority) load(certPEM, keyPEM []byte) error {
	pair, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return errors.New("not an ECDSA key")
	}
	a.cert, a.key = pair.Leaf, key
	return nil
}

func (a *authority) make(d *directory) error {
	key, keyPEM, err := newPEMKey()
	if err != nil {
		return err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: "Grove CA " + strings.ToLower(rand.Text()[:6])},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(caLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(d.file("ca.key"), keyPEM, 0o600); err != nil {
		return unwritable(d.path, err)
	}
	if err := os.WriteFile(a.file, certPEM, 0o644); err != nil { //nolint:gosec // public by nature
		return unwritable(d.path, err)
	}
	return a.load(certPEM, keyPEM)
}

func serialNumber() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		panic(err) // the system's random source never fails
	}
	return n
}

// fingerprint is the SHA-256 of the CA's certificate.
func (a *authority) fingerprint() string { return fingerprint(a.cert) }

// pem is the CA's certificate as clients take it.
func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// clientTLS trusts this CA alone.
func (a *authority) clientTLS() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

func (a *authority) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return a.leafAt(time.Now())
}

func (a *authority) leafAt(now time.Time) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && now.Before(a.leaf.Leaf.NotAfter.Add(-renewAt)) {
		return a.leaf, nil
	}
	hosts := a.hosts()
	leaf, err := a.issue(now, hosts)
	if err != nil {
		return nil, fmt.Errorf("issue certificate: %w", err)
	}
	a.leaf, a.named = leaf, hosts
	return leaf, nil
}

func (a *authority) covers(string) bool { return true }

func (a *authority) kind() string { return "built_in" }

// look drops a leaf whose names are no longer those of this machine.
func (a *authority) look(context.Context, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.leaf != nil && !slices.Equal(a.named, a.hosts()) {
		a.leaf = nil
	}
}

func (a *authority) issue(now time.Time, hosts []string) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: "grove"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(leafLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: parsed}, nil
}

// hostNames are the names under which clients may reach this machine.
func hostNames(c Config) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if h, err := os.Hostname(); err == nil && h != "" {
		names = append(names, h, h+".local")
	}
	for _, address := range []string{c.HTTP, c.MQTTS} {
		if host, _, err := net.SplitHostPort(address); err == nil && host != "" && host != "0.0.0.0" && host != "::" {
			names = append(names, host)
		}
	}
	if addresses, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addresses {
			if n, ok := a.(*net.IPNet); ok {
				names = append(names, n.IP.String())
			}
		}
	}
	names = append(names, publicHost(c.PublicURL)...)
	names = append(names, c.Names...)
	if c.VendorNames {
		names = append(names, cloudapi.VendorHosts()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
