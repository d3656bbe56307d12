package rest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

func trusting(h *resttest.House, networks ...string) *resttest.House {
	for _, n := range networks {
		h.Proxies = append(h.Proxies, netip.MustParsePrefix(n))
	}
	return h
}

// withRemote mounts an open route that tells whom it takes the client for.
func withRemote(t *testing.T, limits string) *resttest.House {
	h := resttest.New(t, limits)
	op := rest.Op{Route: rest.Route{Method: http.MethodGet, Path: "/v1/remote", Open: true}, Tag: "t", Summary: "s"}
	rest.Handle(h.Router, op, func(ctx context.Context, _ *struct{}) (map[string]string, error) {
		return map[string]string{"remote": rest.Remote(ctx).String()}, nil
	})
	return h
}

func TestOnlyNamedProxiesSayWhoTheClientIs(t *testing.T) {
	t.Parallel()
	h := trusting(withRemote(t, "off"), "127.0.0.1/32", "10.1.0.0/16", "fd00::/8")
	for name, tc := range map[string]struct {
		from string
		said []string
		want string
	}{
		"no header":                     {"10.1.0.2:80", nil, "10.1.0.2"},
		"a proxy":                       {"10.1.0.2:80", []string{"203.0.113.5"}, "203.0.113.5"},
		"a proxy, mapped":               {"[::ffff:10.1.0.2]:80", []string{"203.0.113.5"}, "203.0.113.5"},
		"a proxy over IPv6":             {"[fd00::2]:80", []string{"2001:db8::1"}, "2001:db8::1"},
		"with a port":                   {"10.1.0.2:80", []string{"203.0.113.5:4711"}, "203.0.113.5"},
		"IPv6 with a port":              {"10.1.0.2:80", []string{"[2001:db8::1]:4711"}, "2001:db8::1"},
		"a stranger":                    {"203.0.113.9:80", []string{"203.0.113.5"}, "203.0.113.9"},
		"a stranger as this machine":    {"203.0.113.9:80", []string{"127.0.0.1"}, "203.0.113.9"},
		"what the client claimed":       {"10.1.0.2:80", []string{"198.51.100.1, 203.0.113.5"}, "203.0.113.5"},
		"two proxies":                   {"127.0.0.1:80", []string{"198.51.100.1, 203.0.113.5, 10.1.0.2"}, "203.0.113.5"},
		"two proxies, a line each":      {"127.0.0.1:80", []string{"203.0.113.5", "10.1.0.2"}, "203.0.113.5"},
		"a claim on a line of its own":  {"10.1.0.2:80", []string{"198.51.100.1", "203.0.113.5"}, "203.0.113.5"},
		"a client that is a proxy's":    {"10.1.0.2:80", []string{"10.1.0.77"}, "10.1.0.77"},
		"nonsense":                      {"10.1.0.2:80", []string{"unknown"}, "10.1.0.2"},
		"nonsense before a good hop":    {"127.0.0.1:80", []string{"unknown, 10.1.0.2"}, "10.1.0.2"},
		"nonsense left of the stranger": {"10.1.0.2:80", []string{"<script>,, 203.0.113.5"}, "203.0.113.5"},
		"an empty one":                  {"10.1.0.2:80", []string{""}, "10.1.0.2"},
		"one with a zone":               {"10.1.0.2:80", []string{"fe80::1%eth0"}, "fe80::1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest("GET", "/v1/remote", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = tc.from, tc.said
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if want := fmt.Sprintf(`"remote":%q`, tc.want); w.Code != 200 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("got %d %s, want %s", w.Code, w.Body, want)
			}
		})
	}
}

func login(h *resttest.House, account, password string, headers ...string) int {
	return h.Ask("POST", "/v1/user-service/user/login", fmt.Sprintf(`{"account":%q,"password":%q}`, account, password),
		append([]string{"Authorization", ""}, headers...)...).Code
}

// A hundred people behind one proxy: none is slowed down by the others, each is by
// what is done from their own address, and the log names them.
func TestAHundredPeopleBehindAProxyAreAHundred(t *testing.T) {
	t.Parallel()
	h := trusting(resttest.New(t, "spec"), "192.0.2.1/32") // the address that the tests come from
	h.SignIn(t, "bob@grove.local", grove.Operator)
	own := func(n int) string { return fmt.Sprintf("203.0.113.%d", n) }
	for n := range 100 {
		if got := login(h, fmt.Sprintf("nobody%d@grove.local", n), "wrong password", "X-Forwarded-For", own(n)); got != 400 {
			t.Fatalf("person %d: %d", n, got)
		}
	}
	if got := login(h, "bob@grove.local", resttest.Password, "X-Forwarded-For", own(200)); got != 200 {
		t.Errorf("after them all: %d", got)
	}
	refused := 0
	for n := range 25 {
		if login(h, fmt.Sprintf("other%d@grove.local", n), "wrong password", "X-Forwarded-For", own(7)) == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("one who goes on guessing from their own address is not slowed down")
	}
	if got := login(h, "bob@grove.local", resttest.Password, "X-Forwarded-For", own(201)); got != 200 {
		t.Errorf("somebody else: %d", got)
	}
	for _, want := range []string{"remote=" + own(200), "remote=" + own(7)} {
		if !strings.Contains(h.Log.String(), want) {
			t.Errorf("the log does not say %s", want)
		}
	}
}

// Whoever is no proxy gains nothing by claiming another address each time.
func TestAClaimedAddressEscapesNoLimit(t *testing.T) {
	t.Parallel()
	h := trusting(resttest.New(t, "spec"), "10.1.0.0/16")
	refused := 0
	for n := range 25 {
		if login(h, fmt.Sprintf("nobody%d@grove.local", n), "wrong password", "X-Forwarded-For", fmt.Sprintf("203.0.113.%d", n)) == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("25 wrong passwords from one address, and no limit")
	}
	if strings.Contains(h.Log.String(), "remote=203.0.113.") {
		t.Error("the log names the claimed address")
	}
}

// What only this machine may see stays so, whatever a trusted proxy says.
func TestAProxyMakesNobodyThisMachine(t *testing.T) {
	t.Parallel()
	h := trusting(resttest.New(t, "off"), "192.0.2.1/32")
	if w := h.Ask("GET", "/metrics", "", "Authorization", "", "X-Forwarded-For", "127.0.0.1"); w.Code != 401 {
		t.Errorf("got %d", w.Code)
	}
}

// Links on the page are those of the scheme that the client used at the proxy.
func TestATrustedProxySaysWhetherTheClientCameOverTLS(t *testing.T) {
	t.Parallel()
	h := trusting(resttest.New(t, "off"), "192.0.2.1/32")
	h.PublicURL = ""
	for said, want := range map[string]string{"https": "https://example.com", "http": "http://example.com", "HTTPS": "https://example.com", "https, http": "http://example.com", "": "http://example.com"} {
		if w := h.Ask("GET", "/about", "", "Authorization", "", "X-Forwarded-Proto", said); !strings.Contains(w.Body.String(), "--url "+want) {
			t.Errorf("%q: %s is not on the page", said, want)
		}
	}
	secure := func() bool {
		w := h.Ask("GET", "/api/csrf", "", "Authorization", "", "X-Forwarded-Proto", "https")
		return strings.Contains(w.Header().Get("Set-Cookie"), "; Secure")
	}
	if !secure() {
		t.Error("a cookie that goes over TLS may go in clear")
	}
	h.Proxies = nil
	if secure() {
		t.Error("a stranger's word is taken for a cookie")
	}
	if w := h.Ask("GET", "/", "", "Authorization", "", "X-Forwarded-Proto", "https"); strings.Contains(w.Body.String(), "https://example.com") {
		t.Error("a stranger's word is taken")
	}
}
