package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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
	for _, url := range []string{"127.0.0.1:8080", "ftp://127.0.0.1", "http://", "http://:80", "http://[::1", "::", "http://127.0.0.1?v=1", "http://127.0.0.1#v1"} {
		_, err := client.New(client.Config{URL: url})
		named(t, err, client.ErrInvalidURL, grove.Invalid)
	}
	for _, broker := range []string{"127.0.0.1", ":8883", "mqtts://127.0.0.1:8883", "::1:8883"} {
		_, err := client.New(client.Config{URL: "http://127.0.0.1", MQTT: broker})
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
		{422, `{"code":1005,"message":"Print job failed","details":{"reason":"not sliced"}}`, grove.Invalid, grove.ReasonPrintFailed},
		{413, ``, grove.TooLarge, ""},
		{410, `null`, grove.NotFound, ""},
	} {
		_, err := cloud(t, says(c.status, c.body)).Devices(t.Context())
		named(t, err, client.ErrBadRequest, c.kind)
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != c.status {
			t.Errorf("%v has not the status %d", err, c.status)
		}
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
	for _, c := range []struct {
		status int
		body   string
		kind   grove.Code
	}{
		{500, `{"code":500,"message":"Internal server error"}`, grove.Internal},
		{200, `<html>`, grove.Internal},
		{200, ``, grove.Internal},
		{200, `{"devices":"none"}`, grove.Internal},
		{502, `<html>Bad Gateway`, grove.Unavailable},
		{503, ``, grove.Unavailable},
		{507, ``, grove.Unavailable},
		{304, ``, grove.Invalid},
	} {
		_, err := cloud(t, says(c.status, c.body)).Devices(t.Context())
		named(t, err, client.ErrBadResponse, c.kind)
	}
}

func TestAFailureOfTheServerNamesTheRequestInItsLog(t *testing.T) {
	t.Parallel()
	_, err := cloud(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "req_1")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, `{"code":500,"message":"Internal server error","details":{"reason":"its log has more"}}`)
	}).Devices(t.Context())
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.RequestID != "req_1" {
		t.Errorf("%#v", err)
	}
	if own := grove.AsError(err); own.Message != "its log has more" || own.RetryAfter != 3*time.Second {
		t.Errorf("the server's own words are lost: %#v", own)
	}
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

// An interrupt ends a context with a cause of its own, which must not pass for a
// failure of the network.
func TestAnInterruptIsCanceledToo(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err := cloud(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"devices":[`)
		_ = http.NewResponseController(w).Flush()
		cancel(errors.New("interrupt signal received"))
		<-r.Context().Done()
	}).Devices(ctx)
	named(t, err, client.ErrCanceled, grove.Unavailable)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not say that the context was canceled", err)
	}
	late, end := context.WithTimeout(t.Context(), time.Millisecond)
	defer end()
	_, err = cloud(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).Devices(late)
	named(t, err, client.ErrCanceled, grove.Unavailable)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v does not say that it was late", err)
	}
}

func TestAnEndlessRedirectIsSaid(t *testing.T) {
	t.Parallel()
	_, err := cloud(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}).Devices(t.Context())
	named(t, err, client.ErrTooManyRedirects, grove.Invalid)
}

// Another name for the host and another port of it are other servers.
func TestTheTokenStaysWithItsServer(t *testing.T) {
	t.Parallel()
	var visited, leaked atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		visited.Add(1)
		if r.Header.Get("Authorization") != "" || r.Header.Get("Referer") != "" {
			leaked.Add(1)
		}
		_, _ = io.WriteString(w, `{}`)
	}))
	t.Cleanup(other.Close)
	for _, elsewhere := range []string{other.URL, strings.Replace(other.URL, "127.0.0.1", "localhost", 1)} {
		c := cloud(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
		})
		if _, err := c.Devices(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if visited.Load() != 2 || leaked.Load() != 0 {
		t.Errorf("another server was visited %d times and told too much %d times", visited.Load(), leaked.Load())
	}
}

func TestTheTokenIsKeptOnTheSameServer(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/moved" {
			http.Redirect(w, r, "/moved", http.StatusPermanentRedirect)
			return
		}
		if r.Header.Get("Authorization") != "Bearer secret-token" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.WriteString(w, `{}`)
	})
	if _, err := c.Devices(t.Context()); err != nil {
		t.Error(err)
	}
}

// A password is in the body of a request.
func TestABodyIsNotTakenElsewhere(t *testing.T) {
	t.Parallel()
	var visited atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		_, err := cloud(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/login?signature=topsecret", status)
		}).Login(t.Context(), "a@example.org", "password")
		named(t, err, client.ErrBadResponse, grove.Invalid)
		if err == nil || !strings.Contains(err.Error(), other.URL) || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%d: the error must say where to, without the query: %v", status, err)
		}
	}
	if visited.Load() != 0 {
		t.Errorf("the body went elsewhere %d times", visited.Load())
	}
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
	for name, want := range map[string]struct{ api, broker string }{
		"":       {"https://api.bambulab.com", "us.mqtt.bambulab.com:8883"},
		"global": {"https://api.bambulab.com", "us.mqtt.bambulab.com:8883"},
		"china":  {"https://api.bambulab.cn", "cn.mqtt.bambulab.com:8883"},
		"dev":    {"https://api-dev.bambulab.net", "dev.mqtt.bambu-lab.com:8883"},
		"qa":     {"https://api-qa.bambulab.net", ""},
		"pre":    {"https://api-pre.bambulab.net", ""},
		"Pre-US": {"https://api-pre-us.bambulab.net", ""},
	} {
		c, err := client.New(client.Config{Environment: name})
		if err != nil {
			t.Fatal(err)
		}
		broker, err := c.Broker()
		if c.URL() != want.api || broker != want.broker || (want.broker == "") != errors.Is(err, grove.Invalid) {
			t.Errorf("%q: %s, %q %v; want %v", name, c.URL(), broker, err, want)
		}
	}
	if _, err := client.New(client.Config{Environment: "mars"}); !errors.Is(err, grove.Invalid) || !strings.Contains(err.Error(), "pre-us") {
		t.Errorf("an unknown environment: %v", err)
	}
	c, err := client.New(client.Config{Environment: "qa", MQTT: "127.0.0.1:8883"})
	if err != nil {
		t.Fatal(err)
	}
	if broker, err := c.Broker(); err != nil || broker != "127.0.0.1:8883" {
		t.Errorf("a broker given by hand: %q %v", broker, err)
	}
}

// A host nobody has published is an error before anything is sent.
func TestABrokerNobodyKnowsIsNotGuessed(t *testing.T) {
	t.Parallel()
	c, err := client.New(client.Config{Environment: "qa", Token: "secret-token"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Publish(t.Context(), serial, []byte(`{}`)); !errors.Is(err, grove.Invalid) {
		t.Errorf("publish: %v", err)
	}
	for _, err := range c.Watch(t.Context(), serial) {
		if !errors.Is(err, grove.Invalid) {
			t.Errorf("watch: %v", err)
		}
	}
}

func TestPagesAreAskedForAsGiven(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		page grove.Page
		want string
	}{
		{grove.Page{}, ""},
		{grove.Page{Page: 2, Limit: 50}, "limit=50&page=2"},
		{grove.Page{Offset: 40, Limit: 20}, "limit=20&offset=40"},
		{grove.Page{After: "7 8"}, "after=7+8"},
		{grove.Page{Page: -1, Limit: -2}, "limit=-2&page=-1"}, // refused by the server, not hidden here
	} {
		var got string
		list, err := cloud(t, func(w http.ResponseWriter, r *http.Request) {
			got = r.URL.RawQuery
			_, _ = io.WriteString(w, `{"data":[{"id":"3"}],"pagination":{"page":1,"limit":1,"total":9,"has_more":true}}`)
		}).Jobs(t.Context(), grove.JobQuery{}, c.page)
		if err != nil || got != c.want {
			t.Errorf("%+v was asked for as %q, want %q (%v)", c.page, got, c.want, err)
		}
		if len(list.Items) != 1 || list.Items[0].ID != 3 || list.Total != 9 || !list.More {
			t.Errorf("%+v", list)
		}
	}
}
