package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
)

// issuer is somebody else's certificate authority.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t testing.TB) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serialNumber(), Subject: pkix.Name{CommonName: "Somebody else"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(10 * 365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{cert, key}
}

func (i *issuer) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(i.cert)
	return p
}

// sign gives the chain of a new certificate in PEM form.
func (i *issuer) sign(t testing.TB, public any, end time.Time, hosts ...string) []byte {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: serialNumber(), DNSNames: hosts, NotBefore: end.Add(-90 * 24 * time.Hour), NotAfter: end,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.cert, public, i.key)
	if err != nil {
		t.Fatal(err)
	}
	block := func(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}) }
	return append(block(der), block(i.cert.Raw)...)
}

// pair writes a new certificate and its key into a directory.
func (i *issuer) pair(t testing.TB, dir string, end time.Time, hosts ...string) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, certFile, i.sign(t, &key.PublicKey, end, hosts...))
	writeFile(t, keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	return certFile, keyFile
}

func writeFile(t testing.TB, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// shown is the certificate that a listener shows to who comes by a name.
func shown(t testing.TB, address, name string, roots *x509.CertPool) (*x509.Certificate, error) {
	t.Helper()
	d := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: &tls.Config{ServerName: name, RootCAs: roots}}
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0], nil
}

func at(url string) string { return strings.TrimPrefix(url, "https://") }

// journal is what is logged, for reading while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(what string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), what)
}

func (j *journal) log() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// A certificate of one's own is shown for its names on both listeners, and the
// built-in CA still serves whoever comes by another, such as this machine itself.
func TestACertificateOfOnesOwnIsShownForItsNames(t *testing.T) {
	t.Parallel()
	c, other := testConfig(t), newIssuer(t)
	c.CertFile, c.KeyFile = other.pair(t, t.TempDir(), time.Now().Add(80*24*time.Hour), "grove.example.org")
	h := owned(t, c) // by address, trusting the built-in CA
	if !strings.HasPrefix(h.info.HTTP, "https://") {
		t.Errorf("served at %s", h.info.HTTP)
	}
	for _, address := range []string{at(h.info.HTTP), h.info.MQTTS} {
		if _, err := shown(t, address, "grove.example.org", other.pool()); err != nil {
			t.Errorf("%s: %v", address, err)
		}
		for _, name := range []string{"localhost", "127.0.0.1"} {
			if _, err := shown(t, address, name, h.server.ca.clientTLS().RootCAs); err != nil {
				t.Errorf("%s as %s: %v", address, name, err)
			}
		}
	}
}

// The names of the built-in CA's certificates are this machine's, those that the
// operator adds, and the vendor's when told.
func TestTheBuiltInCAServesTheNamesItIsTold(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.TLS, c.Names, c.VendorNames = true, []string{"Grove.LAN", "192.0.2.7", "*.example.org"}, true
	h := start(t, c)
	roots := h.server.ca.clientTLS().RootCAs
	for _, name := range []string{
		"localhost", "grove.lan", "192.0.2.7", "any.example.org", "api.bambulab.com", "bambulab.com", "us.mqtt.bambulab.com",
		"api.bambulab.cn", "cn.mqtt.bambulab.com", "eu.mqtt.bambulab.com",
	} {
		for _, address := range []string{at(h.info.HTTP), h.info.MQTTS} {
			if _, err := shown(t, address, name, roots); err != nil {
				t.Errorf("%s at %s: %v", name, address, err)
			}
		}
	}
	plain := start(t, testConfig(t))
	if _, err := shown(t, plain.info.MQTTS, "api.bambulab.com", plain.server.ca.clientTLS().RootCAs); err == nil {
		t.Error("the vendor's names are there without the switch")
	}
}

func TestALeafFollowsTheNamesAndItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hosts := []string{"a.example.org"}
		a, err := openAuthority(&directory{path: t.TempDir()}, func() []string { return hosts })
		if err != nil {
			t.Fatal(err)
		}
		leaf := func() *x509.Certificate {
			cert, err := a.certificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			return cert.Leaf
		}
		first := leaf()
		a.look(t.Context(), false)
		if !leaf().Equal(first) {
			t.Error("a new leaf without need")
		}
		hosts = []string{"a.example.org", "b.example.org"}
		a.look(t.Context(), false)
		second := leaf()
		if !names(second, "b.example.org") || second.CheckSignatureFrom(a.cert) != nil {
			t.Errorf("made out to %v", second.DNSNames)
		}
		<-time.After(leafLife - renewAt + time.Minute)
		if third := leaf(); !third.NotAfter.After(second.NotAfter) {
			t.Errorf("still the one that ends on %s", third.NotAfter)
		}
	})
}

func TestNamesThatNoCertificateCarriesAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "grove.lan:8443", "https://grove.lan", "a b", "*", "a.*.org", ".lan", "grüve.lan"} {
		c := testConfig(t)
		c.Names = []string{bad}
		if err := c.check(); err == nil || !strings.Contains(err.Error(), "--tls-names") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Whoever renews a certificate writes two files, one after the other.
func TestARenewedCertificateIsTakenWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	var said journal
	ask := make(chan os.Signal)
	c, other, dir := testConfig(t), newIssuer(t), t.TempDir()
	c.CertFile, c.KeyFile = other.pair(t, dir, time.Now().Add(20*24*time.Hour), "grove.example.org")
	c.Reload, c.Log = ask, said.log()
	h := owned(t, c)
	first, err := shown(t, at(h.info.HTTP), "grove.example.org", other.pool())
	if err != nil {
		t.Fatal(err)
	}
	oldKey, err := os.ReadFile(c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	other.pair(t, dir, time.Now().Add(80*24*time.Hour), "grove.example.org")
	newKey, err := os.ReadFile(c.KeyFile)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, c.KeyFile, oldKey)
	for range 3 {
		ask <- syscall.SIGHUP
	}
	if now, err := shown(t, at(h.info.HTTP), "grove.example.org", other.pool()); err != nil || !now.Equal(first) {
		t.Errorf("half a renewal is shown: %v", err)
	}
	until(t, "it is said once", func() bool { return said.count("the old one stays") == 1 && said.count("do not belong together") == 1 })
	// Whole at once: the last of the three may be looking still.
	writeFile(t, c.KeyFile+".new", newKey)
	if err := os.Rename(c.KeyFile+".new", c.KeyFile); err != nil {
		t.Fatal(err)
	}
	ask <- syscall.SIGHUP
	until(t, "both listeners show the new one", func() bool {
		for _, address := range []string{at(h.info.HTTP), h.info.MQTTS} {
			if now, err := shown(t, address, "grove.example.org", other.pool()); err != nil || now.Equal(first) {
				return false
			}
		}
		return true
	})
	if n := said.count("the old one stays"); n != 1 {
		t.Errorf("it was told %d times", n)
	}
}

func TestFilesAreLookedAtEachMinute(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), newIssuer(t)
	// The bubble's clock begins in the year 2000, and certificates are made in it.
	synctest.Test(t, func(t *testing.T) {
		certFile, keyFile := other.pair(t, dir, time.Now().Add(20*24*time.Hour), "a.example.org")
		p, err := openPair(certFile, keyFile, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		go certificates{[]source{p}}.run(t.Context(), nil)
		synctest.Wait()
		other.pair(t, dir, time.Now().Add(80*24*time.Hour), "b.example.org")
		<-time.After(lookEvery + time.Second)
		synctest.Wait()
		if !p.covers("b.example.org") {
			t.Error("a minute later the old certificate is still shown")
		}
	})
}

func TestAWrongPairSaysWhichFileAndWhy(t *testing.T) {
	t.Parallel()
	other, later := newIssuer(t), time.Now().Add(20*24*time.Hour)
	certFile, keyFile := other.pair(t, t.TempDir(), later, "a.example.org")
	_, otherKey := other.pair(t, t.TempDir(), later, "a.example.org")
	ended, itsKey := other.pair(t, t.TempDir(), time.Now().Add(-time.Hour), "a.example.org")
	empty, locked := filepath.Join(t.TempDir(), "empty"), filepath.Join(t.TempDir(), "locked")
	writeFile(t, empty, nil)
	writeFile(t, locked, []byte("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"))
	for name, tc := range map[string]struct{ cert, key, says string }{
		"no certificate":      {certFile + "x", keyFile, "--tls-cert " + certFile + "x can't be read: no such file"},
		"no key":              {certFile, keyFile + "x", "--tls-key " + keyFile + "x can't be read: no such file"},
		"a folder":            {filepath.Dir(certFile), keyFile, "is a directory"},
		"an empty file":       {empty, keyFile, "--tls-cert " + empty + " holds no certificate in PEM form"},
		"the wrong way round": {keyFile, certFile, "--tls-cert " + keyFile + " holds no certificate"},
		"a certificate twice": {certFile, certFile, "--tls-key " + certFile + " holds no private key"},
		"a locked key":        {certFile, locked, "the key in " + locked + " is locked with a passphrase"},
		"another's key":       {certFile, otherKey, "the key in " + otherKey + " do not belong together"},
		"one that has ended":  {ended, itsKey, "the certificate in " + ended + " ended on "},
		"half of it":          {certFile, "", "--tls-cert and --tls-key, or neither"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := testConfig(t)
			c.CertFile, c.KeyFile = tc.cert, tc.key
			_, err := New(t.Context(), c)
			if err == nil || !strings.Contains(err.Error(), tc.says) || grove.AsError(err).Code != grove.Invalid {
				t.Errorf("said %v", err)
			}
		})
	}
}
