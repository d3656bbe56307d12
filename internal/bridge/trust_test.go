package bridge

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
)

// authority signs certificates as a maker of printers does: the serial in the
// common name and no other.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "maker"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func (a authority) printer(t testing.TB, serial string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: serial}, NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// meet shakes hands with a printer that shows cert.
func meet(t *testing.T, trust Trust, cert tls.Certificate) (pin string, err error) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	server := tls.Server(theirs, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.HandshakeContext(t.Context())
		_ = theirs.Close()
	}()
	err = tls.Client(ours, trust.TLS(func(p string) { pin = p })).HandshakeContext(t.Context())
	_ = ours.Close()
	<-done
	return pin, err
}

func TestAPrinterIsKnownBySerialPinAndRoots(t *testing.T) {
	t.Parallel()
	maker, other := newAuthority(t), newAuthority(t)
	mine, swapped := maker.printer(t, "01P00A000000001"), maker.printer(t, "01P00A000000001")
	bundle := func(a authority) *x509.CertPool {
		pool := x509.NewCertPool()
		pool.AddCert(a.cert)
		return pool
	}
	pin := PinOf(mine.Leaf)
	for name, c := range map[string]struct {
		trust Trust
		shown tls.Certificate
		want  string
	}{
		"first use":            {Trust{Serial: "01P00A000000001"}, mine, ""},
		"the pinned key":       {Trust{Serial: "01P00A000000001", Pin: pin}, mine, ""},
		"another serial":       {Trust{Serial: "01P00A000000002"}, mine, "says that its serial is"},
		"lower case":           {Trust{Serial: "01p00a000000001"}, mine, "says that its serial is"},
		"another key":          {Trust{Serial: "01P00A000000001", Pin: pin}, swapped, "another key"},
		"vouched for":          {Trust{Serial: "01P00A000000001", Roots: bundle(maker)}, mine, ""},
		"by another":           {Trust{Serial: "01P00A000000001", Roots: bundle(other)}, mine, "not vouched for"},
		"vouched, another key": {Trust{Serial: "01P00A000000001", Pin: pin, Roots: bundle(maker)}, swapped, "another key"},
	} {
		seen, err := meet(t, c.trust, c.shown)
		if seen != PinOf(c.shown.Leaf) {
			t.Errorf("%s: the pin seen is %q", name, seen)
		}
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestWhoClaimsTheNameOfAKnownPrinterIsToldNoCode(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	elsewhere := grove.LAN{Serial: good, Host: "127.0.0.1", MQTTS: 1, Pin: strings.Repeat("ab", 32)}
	m := serve(t, a.printer(t, good), good, 0, func(net.Conn) {})
	b := open(t, newDesk(elsewhere))
	test := b.Test(t.Context(), grove.LAN{Host: m.Host, MQTTS: m.MQTTS}, testCode, true)
	if f, failed := test.Failed(grove.StepSerial); !failed || f.Reason != ReasonStranger {
		t.Errorf("the test says %+v", test.Findings)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.names) > 0 {
		t.Error("it was told the access code")
	}
}
