package server

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A client of this machine is pointed at an address that it can reach and that
// the certificate has.
func TestAClientOfThisMachineIsPointedHere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ http, mqtts, want string }{
		{"http://127.0.0.1:8080", "127.0.0.1:8883", "--url http://127.0.0.1:8080 --ca /ca.pem"},
		{"http://127.0.0.1:8080", "127.0.0.1:9883", "--url http://127.0.0.1:8080 --mqtt 127.0.0.1:9883 --ca /ca.pem"},
		{"https://grove.example.org", "[::]:8883", "--url https://grove.example.org --ca /ca.pem"},
		{"https://grove.example.org", "0.0.0.0:9883", "--url https://grove.example.org --mqtt grove.example.org:9883 --ca /ca.pem"},
		{"https://grove.example.org", "192.0.2.1:8883", "--url https://grove.example.org --mqtt 192.0.2.1:8883 --ca /ca.pem"},
	} {
		if got := (Info{HTTP: c.http, MQTTS: c.mqtts, CAFile: "/ca.pem"}).Reach(); got != c.want {
			t.Errorf("%s and %s: %s, want %s", c.http, c.mqtts, got, c.want)
		}
	}
}

// A cloud that listens on all addresses gives one that clients can use, for its
// links as well, and has a certificate for it.
func TestACloudOnAllAddressesIsReachedAtTheOneItTells(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.HTTP, c.TLS = "0.0.0.0:0", true
	h := owned(t, c)
	if f := h.upload(); !f.Printable {
		t.Errorf("uploaded %+v", f)
	}
	if strings.Contains(h.info.HTTP, "0.0.0.0") || strings.Contains(h.info.HTTP, "[::]") {
		t.Errorf("it calls itself %s", h.info.HTTP)
	}
}

// The address that such a cloud tells is one of its certificate.
func TestACloudOnAllAddressesTellsOneThatItHas(t *testing.T) {
	t.Parallel()
	for _, everywhere := range []net.IP{net.IPv4zero, net.IPv6unspecified} {
		host, port, err := net.SplitHostPort(reachable(&net.TCPAddr{IP: everywhere, Port: 8080}))
		if err != nil || port != "8080" || !slices.Contains(hostNames(Config{}), host) {
			t.Errorf("%s is told as %s:%s %v", everywhere, host, port, err)
		}
	}
	if got := reachable(&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80}); got != "192.0.2.1:80" {
		t.Errorf("192.0.2.1 is told as %s", got)
	}
}

func TestThePageSaysWhereTheBrokerListens(t *testing.T) {
	t.Parallel()
	h := start(t, testConfig(t))
	_, port, err := net.SplitHostPort(h.info.MQTTS)
	if err != nil {
		t.Fatal(err)
	}
	ask, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.info.HTTP+"/about", nil)
	if err != nil {
		t.Fatal(err)
	}
	r, err := web.Do(ask)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	page, err := io.ReadAll(r.Body)
	if err != nil || !strings.Contains(string(page), "with TLS on port "+port) {
		t.Errorf("port %s is not told: %v\n%s", port, err, page)
	}
}
