package server

import (
	"html"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
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
	_, _, page := h.raw(http.MethodGet, "/about", "", "")
	if !strings.Contains(string(page), "with TLS on port "+port) {
		t.Errorf("port %s is not told: %s", port, page)
	}
}

func TestThePageOfAServerWithAnOwnerSaysNothingOfItsDisk(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	h := start(t, c)
	about := func() string {
		_, _, page := h.raw(http.MethodGet, "/about", "", "")
		return html.UnescapeString(string(page))
	}
	if page := about(); !strings.Contains(page, "First start") || !strings.Contains(page, Quote(h.info.CAFile)) {
		t.Errorf("before the first start it says %s", page)
	}
	h.stop()
	h = owned(t, c)
	page := about()
	if strings.Contains(page, "First start") || strings.Contains(page, filepath.Dir(h.info.CAFile)) || !strings.Contains(page, "--ca grove-ca.pem") {
		t.Errorf("with an owner it says %s", page)
	}
	link := regexp.MustCompile(`href="([^"]+/ca\.pem)"`).FindStringSubmatch(page)
	if link == nil {
		t.Fatalf("it leads to no certificate: %s", page)
	}
	if _, _, ca := h.raw(http.MethodGet, link[1], string(h.client.Token()), ""); !strings.HasPrefix(string(ca), "-----BEGIN CERTIFICATE") {
		t.Errorf("%s gives %s", link[1], ca)
	}
}
