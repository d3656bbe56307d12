package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cloud is a server that answers as told, and its client.
func cloud(t *testing.T, answer http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return at(t, server.URL)
}

func at(t *testing.T, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{URL: url, Token: "secret-token"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// named holds that err is a *client.Error of that name and of that kind.
func named(t *testing.T, err error, name string, kind grove.Code) {
	t.Helper()
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Name != name {
		t.Errorf("got %v, want a client error %s", err, name)
	}
	if !errors.Is(err, kind) {
		t.Errorf("%v is not %s", err, kind)
	}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestARefusedConnectionIsANetworkError(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free := l.Addr().String()
	_ = l.Close()
	_, err = at(t, "http://"+free).Devices(t.Context())
	named(t, err, client.ErrNetwork, grove.Unavailable)
}

func TestAMalformedURLIsSaidBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://[::1", "::"} {
		_, err := client.New(client.Config{URL: url})
		named(t, err, client.ErrInvalidURL, grove.Invalid)
	}
}

func TestRefusalsAreBadRequestsOfTheServersOwnKind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status int
		body   string
		kind   grove.Code
		reason string
	}{
		{404, `{"code":1003,"message":"Device not found","error":"DEVICE_NOT_FOUND","details":{"reason":"no printer"}}`, grove.NotFound, grove.ReasonPrinterNotFound},
		{401, `{"code":1001,"message":"Invalid token","error":"TOKEN_INVALID"}`, grove.Unauthenticated, grove.ReasonTokenInvalid},
		{409, `{"code":1004,"message":"Device offline","error":"DEVICE_OFFLINE"}`, grove.Conflict, grove.ReasonPrinterOffline},
		{400, `{"code":2,"error":"Incorrect password"}`, grove.Invalid, grove.ReasonWrongPassword},
		{403, `forbidden`, grove.Forbidden, ""},
	} {
		_, err := cloud(t, says(c.status, c.body)).Devices(t.Context())
		named(t, err, client.ErrBadRequest, c.kind)
		if c.reason != "" && !grove.HasReason(err, c.reason) {
			t.Errorf("%v has not the reason %s", err, c.reason)
		}
	}
}

func TestARefusalTellsHowLongToWait(t *testing.T) {
	t.Parallel()
	_, err := cloud(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "12")
		w.WriteHeader(http.StatusTooManyRequests)
	}).Devices(t.Context())
	named(t, err, client.ErrBadRequest, grove.Limited)
	if wait := grove.AsError(err).RetryAfter; wait.Seconds() != 12 {
		t.Errorf("wait %v", wait)
	}
}

func TestWhatCanNotBeUnderstoodIsABadResponse(t *testing.T) {
	t.Parallel()
	_, err := cloud(t, says(500, `{"code":500,"message":"Internal server error"}`)).Devices(t.Context())
	named(t, err, client.ErrBadResponse, grove.Internal)
	_, err = cloud(t, says(200, `<html>`)).Devices(t.Context())
	named(t, err, client.ErrBadResponse, grove.Internal)
	_, err = cloud(t, says(503, ``)).Devices(t.Context())
	named(t, err, client.ErrBadResponse, grove.Unavailable)
}

func TestACallerThatGivesUpIsCanceled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := cloud(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}).Devices(ctx)
	named(t, err, client.ErrCanceled, grove.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that the context was canceled", err)
	}
}

func TestAnEndlessRedirectIsSaid(t *testing.T) {
	t.Parallel()
	_, err := cloud(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}).Devices(t.Context())
	named(t, err, client.ErrTooManyRedirects, grove.Invalid)
}

func TestTheTokenStaysWithItsHost(t *testing.T) {
	t.Parallel()
	var leaked string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		leaked = r.Header.Get("Authorization")
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(other.Close)
	elsewhere := strings.Replace(other.URL, "127.0.0.1", "localhost", 1)
	c := cloud(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	if _, err := c.Devices(t.Context()); err != nil {
		t.Fatal(err)
	}
	if leaked != "" {
		t.Errorf("another host was sent %q", leaked)
	}
}

func TestADownloadIsHeldAgainstItsDigest(t *testing.T) {
	t.Parallel()
	const content = "G28\n"
	sum := sha256.Sum256([]byte(content))
	right := "sha-256=" + base64.StdEncoding.EncodeToString(sum[:])
	get := func(digest, body string) (string, error) {
		var got bytes.Buffer
		_, err := cloud(t, func(w http.ResponseWriter, _ *http.Request) {
			if digest != "" {
				w.Header().Set("Digest", digest)
			}
			_, _ = io.WriteString(w, body)
		}).Download(t.Context(), "f_1", &got)
		return got.String(), err
	}
	if got, err := get(right, content); err != nil || got != content {
		t.Errorf("%q %v", got, err)
	}
	_, err := get(right, "G29\n")
	named(t, err, client.ErrChecksumMismatch, grove.Unavailable)
	_, err = get("", content)
	named(t, err, client.ErrBadResponse, grove.Internal)
}

func TestFirmwareVersionsCompare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want int
	}{{"01.08.02.00", "01.08.02.00", 0}, {"01.08.02.00", "01.09.00.00", -1}, {"01.10.00.00", "01.09.99.99", 1}} {
		if got, err := client.CompareFirmware(c.a, c.b); err != nil || got != c.want {
			t.Errorf("%s against %s: %d %v", c.a, c.b, got, err)
		}
	}
	for _, bad := range []string{"", "1.2.3", "01.08.02.x", "latest", "-1.0.0.0"} {
		_, err := client.CompareFirmware(bad, "01.00.00.00")
		named(t, err, client.ErrInvalidVersion, grove.Invalid)
	}
}

func TestEnvironmentsAreKnownOrRefused(t *testing.T) {
	t.Parallel()
	for name, broker := range map[string]bool{"global": true, "china": true, "dev": true, "qa": false, "pre": false, "pre-us": false} {
		c, err := client.New(client.Config{Environment: name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Broker(); (err == nil) != broker {
			t.Errorf("%s: broker known %v, want %v", name, err == nil, broker)
		}
	}
	if _, err := client.New(client.Config{Environment: "mars"}); !errors.Is(err, grove.Invalid) {
		t.Errorf("an unknown environment: %v", err)
	}
}

func TestASignatureNeverShowsInAnError(t *testing.T) {
	t.Parallel()
	var base string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `{"upload_url":"`+base+`/u/f_1?Signature=topsecret","file_id":"f_1"}`)
	}))
	t.Cleanup(server.Close)
	base = server.URL
	_, err := at(t, base).Upload(t.Context(), client.Upload{Name: "a.gcode", Size: 4, Body: strings.NewReader("G28\n")})
	named(t, err, client.ErrBadRequest, grove.Forbidden)
	if strings.Contains(err.Error(), "topsecret") {
		t.Errorf("the error shows the signature: %v", err)
	}
}
