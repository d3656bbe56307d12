package post

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is somebody else's server.
func receiver(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func sender(t *testing.T, cfg Config) *Sender {
	t.Helper()
	s := New(cfg)
	t.Cleanup(s.Close)
	return s
}

func TestPostSendsBodyAndHeadersAsTheyAre(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"print.completed",  "data":{"a":"ä"}}`)
	got := make(chan *http.Request, 1)
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || string(b) != string(body) {
			t.Errorf("body = %q, %v, want %q", b, err, body)
		}
		got <- r
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, "thank you")
	})
	a, err := sender(t, Config{AllowLoopback: true}).Post(t.Context(), srv.URL+"/hook",
		map[string]string{"webhook-id": "dlv_1", "Content-Type": "application/json"}, body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(webhook.Answer{Status: 202, Excerpt: "thank you"}, a); diff != "" {
		t.Error(diff)
	}
	r := <-got
	if r.Method != http.MethodPost || r.Header.Get("Webhook-Id") != "dlv_1" || r.URL.Path != "/hook" {
		t.Errorf("request %s %s with %v", r.Method, r.URL, r.Header)
	}
}

func TestNothingIsSentToThisMachineUnlessAllowed(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	srv := receiver(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []Config{{}, {AllowPrivate: true}} {
		s := sender(t, cfg)
		// Straight to the client too, past CheckURL: the dial itself must refuse.
		for _, address := range []string{srv.URL, "http://localhost:" + port} {
			if _, err := s.Post(t.Context(), address, nil, nil); !errors.Is(err, grove.Invalid) {
				t.Errorf("Post to %s = %v, want a refusal", address, err)
			}
			for _, c := range []*http.Client{s.plain, s.secure} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, nil)
				if err != nil {
					t.Fatal(err)
				}
				resp, err := c.Do(req)
				if err == nil {
					resp.Body.Close()
				}
				if !errors.Is(err, grove.Invalid) {
					t.Errorf("dial %s = %v, want a refusal", address, err)
				}
			}
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests arrived", n)
	}
}

func TestTheDialersControlAloneRefuses(t *testing.T) {
	t.Parallel()
	srv := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	d := net.Dialer{Control: control(newGuard(Config{}).control).atConnect}
	conn, err := d.DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err == nil {
		conn.Close()
	}
	if !errors.Is(err, grove.Invalid) {
		t.Errorf("dial = %v, want a refusal", err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	inside := receiver(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	srv := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, inside.URL, http.StatusTemporaryRedirect)
	})
	a, err := sender(t, Config{AllowLoopback: true}).Post(t.Context(), srv.URL, nil, nil)
	if err != nil || a.Status != http.StatusTemporaryRedirect || hits.Load() != 0 {
		t.Errorf("answer %+v, %v after %d requests to the redirect's target", a, err, hits.Load())
	}
}

// A name server that answers differently the second time gets nowhere: what was
// checked and what is connected to are both asked about.
func TestTheAddressIsCheckedAgainAtConnect(t *testing.T) {
	t.Parallel()
	srv := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") })
	asked := 0
	c := newClient(func(netip.AddrPort) error {
		if asked++; asked > 1 {
			return refused("it has changed")
		}
		return nil
	}, time.Second, nil)
	t.Cleanup(c.CloseIdleConnections)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, grove.Invalid) || asked != 2 {
		t.Errorf("err = %v after %d questions", err, asked)
	}
}

func TestNoProxyIsAsked(t *testing.T) {
	t.Parallel()
	s := sender(t, Config{})
	for _, c := range []*http.Client{s.plain, s.secure} {
		if tr, ok := c.Transport.(*http.Transport); !ok || tr.Proxy != nil {
			t.Error("requests may go through a proxy, which would go around the guard")
		}
	}
}

func TestASlowServerCostsNoMoreThanTheTimeout(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	srv := receiver(t, func(http.ResponseWriter, *http.Request) { <-over })
	t.Cleanup(func() { close(over) }) // before the server closes
	_, err := sender(t, Config{AllowLoopback: true, Timeout: 50 * time.Millisecond}).Post(t.Context(), srv.URL, nil, nil)
	if !errors.Is(err, grove.Unavailable) || !strings.Contains(grove.AsError(err).Message, "in time") {
		t.Errorf("err = %v, want words about time", err)
	}
}

func TestASlowBodyStillGivesTheStatus(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	srv := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "so far")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-over
	})
	t.Cleanup(func() { close(over) })
	a, err := sender(t, Config{AllowLoopback: true, Timeout: 200 * time.Millisecond}).Post(t.Context(), srv.URL, nil, nil)
	if err != nil || a.Status != http.StatusOK || a.Excerpt != "so far" {
		t.Errorf("answer %+v, %v", a, err)
	}
}

func TestNobodyThereIsSaidInWords(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String()
	l.Close()
	_, err = sender(t, Config{AllowLoopback: true}).Post(t.Context(), address, nil, nil)
	if !errors.Is(err, grove.Unavailable) || !strings.Contains(grove.AsError(err).Message, "refused the connection") {
		t.Errorf("err = %v", err)
	}
}

func TestCertificatesAreChecked(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	srv.Config.ErrorLog = nil
	srv.StartTLS()
	t.Cleanup(srv.Close)
	_, err := sender(t, Config{AllowLoopback: true}).Post(t.Context(), srv.URL, nil, nil)
	if !errors.Is(err, grove.Unavailable) || !strings.Contains(grove.AsError(err).Message, "certificate") {
		t.Errorf("with a strange certificate: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	a, err := sender(t, Config{AllowLoopback: true, TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}).Post(t.Context(), srv.URL, nil, nil)
	if err != nil || a.Excerpt != "ok" {
		t.Errorf("with a known certificate: %+v, %v", a, err)
	}
}

func TestAHugeAnswerIsCutToAnExcerpt(t *testing.T) {
	t.Parallel()
	srv := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		chunk := strings.Repeat("ä\x00\xff", 1<<14)
		for range 64 {
			if _, err := io.WriteString(w, chunk); err != nil {
				return
			}
		}
	})
	a, err := sender(t, Config{AllowLoopback: true}).Post(t.Context(), srv.URL, nil, nil)
	if err != nil || a.Status != http.StatusInternalServerError {
		t.Fatalf("answer %d, %v", a.Status, err)
	}
	if len(a.Excerpt) > maxExcerpt || len(a.Excerpt) < maxExcerpt-3 || !utf8.ValidString(a.Excerpt) || strings.ContainsRune(a.Excerpt, 0) {
		t.Errorf("excerpt of %d bytes, valid %t", len(a.Excerpt), utf8.ValidString(a.Excerpt))
	}
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"":                              0,
		"120":                           2 * time.Minute,
		"0":                             0,
		"-5":                            0,
		"soon":                          0,
		"99999999999999999999":          0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:00:00 GMT": 0,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("retryAfter(%q) = %s, want %s", header, got, want)
		}
	}
}

func FuzzExcerptCanAlwaysBeStored(f *testing.F) {
	f.Add([]byte("hello"))
	f.Add([]byte("\x00\xff\xfe"))
	f.Add([]byte(strings.Repeat("\u00e4", 2000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s := excerpt(b); !utf8.ValidString(s) || len(s) > maxExcerpt || strings.ContainsRune(s, 0) {
			t.Errorf("excerpt(%q) = %q", b, s)
		}
	})
}
