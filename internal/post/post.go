// Package post sends what leaves the house: HTTP requests to other people's
// servers, guarded so that none of them can be pointed at this machine's inside.
package post

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/webhook"
)

const (
	maxAnswer  = 64 << 10 // bytes of an answer that are read
	maxExcerpt = 4 << 10  // bytes of an answer that are kept
)

// Config says where requests may go.
type Config struct {
	AllowLoopback bool          // this machine, on any port, without TLS too
	AllowPrivate  bool          // private addresses, on any port, without TLS too
	Timeout       time.Duration // of a whole request; 15 s when 0
	TLS           *tls.Config   // nil: the system's roots
}

// Sender sends requests. It is safe for concurrent use.
type Sender struct {
	guard  guard
	secure *http.Client
	plain  *http.Client
}

// New makes a sender. Nothing goes through a proxy, even when the environment
// names one: it would resolve names itself and go around the guard.
func New(cfg Config) *Sender {
	g := newGuard(cfg)
	timeout := cmp.Or(cfg.Timeout, 15*time.Second)
	return &Sender{
		guard:  g,
		secure: newClient(g.control, timeout, cfg.TLS),
		plain:  newClient(g.controlPlain, timeout, cfg.TLS),
	}
}

func newClient(control control, timeout time.Duration, tlsConfig *tls.Config) *http.Client {
	d := dialer{check: control, Dialer: net.Dialer{Timeout: min(timeout, 5*time.Second), Control: control.atConnect}}
	return &http.Client{
		Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a redirect could lead anywhere
		},
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            d.dial,
			TLSClientConfig:        tlsConfig,
			TLSHandshakeTimeout:    timeout,
			DisableCompression:     true,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxAnswer,
			MaxIdleConnsPerHost:    1,
			IdleConnTimeout:        30 * time.Second,
		},
	}
}

// Close lets go of idle connections.
func (s *Sender) Close() {
	s.secure.CloseIdleConnections()
	s.plain.CloseIdleConnections()
}

// Post sends body and gives what came back, whatever the status. The error says
// in words why nothing came back.
func (s *Sender) Post(ctx context.Context, url string, header map[string]string, body []byte) (webhook.Answer, error) {
	if err := s.CheckURL(url); err != nil {
		return webhook.Answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return webhook.Answer{}, fmt.Errorf("make request: %w", err)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	client := s.secure
	if req.URL.Scheme == "http" {
		client = s.plain
	}
	resp, err := client.Do(req)
	if err != nil {
		return webhook.Answer{}, unreachable(err)
	}
	defer resp.Body.Close()
	// The status has been said: a body that breaks off changes nothing.
	head, _ := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return webhook.Answer{
		Status:     resp.StatusCode,
		RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Excerpt:    excerpt(head),
	}, nil
}

// unreachable puts a failure into words for whoever owns the endpoint.
func unreachable(err error) error {
	if e, ok := errors.AsType[*grove.Error](err); ok {
		return e
	}
	var (
		words = "the server could not be reached"
		dns   *net.DNSError
		cert  *tls.CertificateVerificationError
		op    *net.OpError
		late  interface{ Timeout() bool }
	)
	switch {
	case errors.As(err, &cert):
		words = "the server's certificate is not trusted: " + cert.Err.Error()
	case errors.As(err, &dns):
		words = "the server's name could not be resolved"
	case errors.As(err, &late) && late.Timeout():
		words = "the server did not answer in time"
	case errors.As(err, &op) && op.Op == "dial":
		words = "the server refused the connection or is not there"
	}
	return &grove.Error{Code: grove.Unavailable, Reason: "unreachable", Message: words, Err: err}
}

// retryAfter reads the header in both of its forms, seconds and a date; zero
// when it says nothing.
func retryAfter(header string, now time.Time) time.Duration {
	if n, err := strconv.ParseInt(header, 10, 32); err == nil {
		return time.Duration(max(0, n)) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return max(0, at.Sub(now))
}

// excerpt is the start of an answer as text that can be stored and shown.
func excerpt(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b[:min(len(b), 4*maxExcerpt)]), "\uFFFD"))
	for len(s) > maxExcerpt {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s
}
