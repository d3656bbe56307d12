package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

// acmeCA is a certificate authority on this machine that speaks as much of RFC
// 8555 as a client needs for one name in one order.
type acmeCA struct {
	*issuer
	t     *testing.T
	web   *httptest.Server
	looks func() string // the address at which it finds every host

	mu     sync.Mutex
	orders int
	host   string
	thumb  string // of the account's key
	proven bool
	wrong  string // what was wrong when it looked
	life   time.Duration
	issued []byte
}

const acmeToken = "a-token-of-this-CA"

func newACME(t *testing.T, looks func() string) *acmeCA {
	t.Helper()
	ca := &acmeCA{issuer: newIssuer(t), t: t, looks: looks, life: 90 * 24 * time.Hour}
	ca.web = httptest.NewTLSServer(ca)
	t.Cleanup(ca.web.Close)
	return ca
}

func (ca *acmeCA) ordered() int {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	return ca.orders
}

// signed is the envelope in which ACME clients send everything.
type signed struct{ Protected, Payload string }

func unpack(text string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) == 0 {
		return err
	}
	return json.Unmarshal(raw, into)
}

func (ca *acmeCA) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ca.mu.Lock()
	defer ca.mu.Unlock()
	w.Header().Set("Replay-Nonce", "once")
	var in signed
	if r.Method == http.MethodPost {
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			ca.t.Errorf("%s: %v", r.URL, err)
		}
	}
	base := "https://" + r.Host
	answer := func(status int, v any) {
		w.WriteHeader(status)
		if err := json.NewEncoder(w).Encode(v); err != nil {
			ca.t.Error(err)
		}
	}
	switch r.URL.Path {
	case "/directory":
		answer(200, map[string]any{"newNonce": base + "/nonce", "newAccount": base + "/account", "newOrder": base + "/order", "meta": map[string]string{"termsOfService": base + "/terms"}})
	case "/nonce":
	case "/account":
		var terms struct {
			Agreed bool `json:"termsOfServiceAgreed"`
		}
		if err := unpack(in.Payload, &terms); err != nil || !terms.Agreed {
			ca.t.Errorf("an account without the terms: %v", err)
		}
		ca.thumb = ca.thumbprint(in.Protected)
		w.Header().Set("Location", base+"/accounts/1")
		answer(201, map[string]string{"status": "valid"})
	case "/order":
		var order struct {
			Identifiers []struct{ Type, Value string }
		}
		if err := unpack(in.Payload, &order); err != nil || len(order.Identifiers) != 1 || order.Identifiers[0].Type != "dns" {
			ca.t.Errorf("order %+v %v", order, err)
		}
		ca.host, ca.proven, ca.orders = order.Identifiers[0].Value, false, ca.orders+1
		w.Header().Set("Location", base+"/orders/1")
		answer(201, ca.orderNow(base))
	case "/orders/1":
		answer(200, ca.orderNow(base))
	case "/authz/1", "/look":
		if r.URL.Path == "/look" {
			ca.look()
			answer(200, ca.challenge(base))
			return
		}
		status := "pending"
		if ca.proven {
			status = "valid"
		} else if ca.wrong != "" {
			status = "invalid"
		}
		answer(200, map[string]any{
			"status": status, "identifier": map[string]string{"type": "dns", "value": ca.host},
			"challenges": []any{map[string]string{"type": "http-01", "url": base + "/never", "token": "x"}, ca.challenge(base)},
		})
		ca.wrong = ""
	case "/finalize":
		ca.issue(in.Payload)
		answer(200, ca.orderNow(base))
	case "/cert":
		w.Write(ca.issued)
	default:
		ca.t.Errorf("asked for %s", r.URL)
	}
}

func (ca *acmeCA) orderNow(base string) map[string]any {
	o := map[string]any{"status": "pending", "authorizations": []string{base + "/authz/1"}, "finalize": base + "/finalize"}
	if ca.proven {
		o["status"] = "ready"
	}
	if ca.issued != nil {
		o["status"], o["certificate"] = "valid", base+"/cert"
	}
	return o
}

func (ca *acmeCA) challenge(base string) map[string]any {
	c := map[string]any{"type": "tls-alpn-01", "url": base + "/look", "token": acmeToken, "status": "pending"}
	if ca.wrong != "" {
		c["status"], c["error"] = "invalid", map[string]any{"type": "urn:ietf:params:acme:error:connection", "detail": ca.wrong, "status": 400}
	}
	return c
}

func (ca *acmeCA) thumbprint(protected string) string {
	var head struct{ JWK struct{ X, Y string } }
	if err := unpack(protected, &head); err != nil {
		ca.t.Errorf("account: %v", err)
	}
	x, errX := base64.RawURLEncoding.DecodeString(head.JWK.X)
	y, errY := base64.RawURLEncoding.DecodeString(head.JWK.Y)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
	if err := errors.Join(errX, errY, err); err != nil {
		ca.t.Errorf("account: %v", err)
		return ""
	}
	thumb, err := acme.JWKThumbprint(key)
	if err != nil {
		ca.t.Errorf("account: %v", err)
	}
	return thumb
}

// look connects as RFC 8737 has it and checks what is shown.
func (ca *acmeCA) look() {
	ca.proven, ca.issued = false, nil
	conn, err := tls.Dial("tcp", ca.looks(), &tls.Config{ServerName: ca.host, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		ca.wrong = "connection refused"
		return
	}
	defer conn.Close()
	state := conn.ConnectionState()
	want, err := asn1.Marshal(func() []byte { sum := sha256.Sum256([]byte(acmeToken + "." + ca.thumb)); return sum[:] }())
	if err != nil {
		ca.t.Error(err)
	}
	leaf := state.PeerCertificates[0]
	for _, e := range leaf.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical && string(e.Value) == string(want) {
			ca.proven = state.NegotiatedProtocol == acme.ALPNProto && len(leaf.DNSNames) == 1 && leaf.DNSNames[0] == ca.host
		}
	}
	if !ca.proven {
		ca.wrong = "the challenge is answered wrongly"
	}
}

func (ca *acmeCA) issue(payload string) {
	var in struct{ CSR string }
	if err := unpack(payload, &in); err != nil {
		ca.t.Error(err)
	}
	der, err := base64.RawURLEncoding.DecodeString(in.CSR)
	if err != nil {
		ca.t.Error(err)
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil || csr.CheckSignature() != nil || len(csr.DNSNames) != 1 || csr.DNSNames[0] != ca.host || !ca.proven {
		ca.t.Errorf("asked to certify %+v %v, proven %t", csr, err, ca.proven)
		return
	}
	ca.issued = ca.sign(ca.t, csr.PublicKey, time.Now().Add(ca.life), ca.host)
}

// ordering is a configuration that gets its certificate there.
func (ca *acmeCA) ordering(t *testing.T) Config {
	t.Helper()
	c := testConfig(t)
	c.ACME, c.ACMEDirectory, c.acmeClient = []string{"Grove.example.org"}, ca.web.URL+"/directory", ca.web.Client()
	return c
}

// The CA looks, finds this server by TLS-ALPN-01 on its HTTPS listener, and
// issues. A restart shows the same certificate and orders none.
func TestACertificateIsOrderedProvenShownAndKept(t *testing.T) {
	t.Parallel()
	var address string
	ca := newACME(t, func() string { return address })
	c := ca.ordering(t)
	c.HTTP = freeAddress(t)
	address = c.HTTP
	h := start(t, c)
	if h.info.HTTP != "https://grove.example.org" || h.info.NeedsCA {
		t.Errorf("it says %+v", h.info)
	}
	// Until it is there, the built-in CA serves, also by that name's listener.
	if _, err := shown(t, h.info.MQTTS, "localhost", h.server.ca.clientTLS().RootCAs); err != nil {
		t.Error(err)
	}
	var first *x509.Certificate
	until(t, "both listeners show the certificate", func() bool {
		var errs [2]error
		first, errs[0] = shown(t, address, "grove.example.org", ca.pool())
		_, errs[1] = shown(t, h.info.MQTTS, "GROVE.example.org", ca.pool())
		return errs == [2]error{}
	})
	h.stop()
	err := filepath.WalkDir(filepath.Join(c.Data, "acme"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %s: %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	h = start(t, c)
	second, err := shown(t, address, "grove.example.org", ca.pool())
	if err != nil || !second.Equal(first) {
		t.Errorf("after a restart: %v", err)
	}
	if n := ca.ordered(); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// freeAddress is one that nobody listened on a moment ago.
func freeAddress(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(nil)
	defer s.Close()
	return s.Listener.Addr().String()
}

func TestACertificateIsOrderedAnewWithAThirdOfItsLifeLeft(t *testing.T) {
	t.Parallel()
	var address string
	ca := newACME(t, func() string { return address })
	ca.life = 29 * 24 * time.Hour // of 90 days, as the issuer dates them
	c := ca.ordering(t)
	c.HTTP = freeAddress(t)
	address = c.HTTP
	ask := make(chan os.Signal)
	c.Reload = ask
	start(t, c)
	ask <- syscall.SIGHUP // taken once the first look is over
	ask <- syscall.SIGHUP
	if n := ca.ordered(); n < 2 {
		t.Errorf("%d orders", n)
	}
}

// Names that do not lead here are told in words, with what the CA saw, and tried
// again later; whoever has mended it need not wait.
func TestWhatTheCADidNotFindIsTold(t *testing.T) {
	t.Parallel()
	var said journal
	nobody := freeAddress(t)
	ca := newACME(t, func() string { return nobody })
	c := ca.ordering(t)
	ask := make(chan os.Signal)
	c.Log, c.Reload = said.log(), ask
	h := start(t, c)
	until(t, "it is told", func() bool {
		return said.count("the CA did not find this server at grove.example.org; port 443 of that name must lead to --http here") == 1 &&
			said.count("connection refused") == 1 && said.count("next_try_in=10m") == 1
	})
	if _, err := shown(t, h.info.MQTTS, "localhost", h.server.ca.clientTLS().RootCAs); err != nil {
		t.Error(err)
	}
	ask <- syscall.SIGHUP
	until(t, "it is tried again", func() bool { return said.count("next_try_in=20m") == 1 })
}

// A CA that does not answer must not hold up the end.
func TestASilentCADoesNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	asked, silent := make(chan struct{}, 1), make(chan struct{})
	web := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-silent:
		}
	}))
	t.Cleanup(web.Close)
	t.Cleanup(func() { close(silent) })
	c := testConfig(t)
	c.ACME, c.ACMEDirectory, c.acmeClient = []string{"grove.example.org"}, web.URL, web.Client()
	h := start(t, c)
	<-asked
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

func TestNamesThatNoCAProvesAreRefused(t *testing.T) {
	t.Parallel()
	good := []string{"a.example.org"}
	for _, bad := range []Config{
		{ACME: []string{"localhost"}},
		{ACME: []string{"192.0.2.1"}},
		{ACME: []string{"*.example.org"}},
		{ACME: []string{"grove.example.org:443"}},
		{ACME: []string{""}},
		{ACME: []string{"grüve.example.org"}},
		{ACME: []string{"a.example.org", "https://b.example.org"}},
		{ACME: []string{"../../x.org"}},
		{ACME: good, ACMEDirectory: "http://ca.example.org"},
		{ACME: good, CertFile: "a", KeyFile: "b"},
		{ACME: good, Demo: true},
	} {
		c := testConfig(t)
		c.ACME, c.ACMEDirectory, c.CertFile, c.KeyFile, c.Demo = bad.ACME, bad.ACMEDirectory, bad.CertFile, bad.KeyFile, bad.Demo
		if err := c.check(); err == nil || !strings.Contains(err.Error(), "--acme") {
			t.Errorf("%v: %v", bad.ACME, err)
		}
	}
}

func TestAnAccountFileWithoutAKeyIsSaid(t *testing.T) {
	t.Parallel()
	c := Config{ACMEDirectory: "https://ca.example.org:14000/dir", ACME: []string{"a.example.org"}}
	d := &directory{path: t.TempDir()}
	if _, err := openACME(c, d, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	writeFile(t, d.file("acme", "ca.example.org_14000", "account.pem"), []byte("nothing"))
	if _, err := openACME(c, d, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "account.pem holds no key") {
		t.Errorf("said %v", err)
	}
}
