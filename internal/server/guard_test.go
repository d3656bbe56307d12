package server

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// elsewhere dials from another address of this machine.
func elsewhere(t *testing.T, n int) *net.Dialer {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has more than one loopback address")
	}
	return &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(n>>8), byte(n))}, Timeout: 10 * time.Second}
}

// byCode connects with an access code, and the serial as server name if one is given.
func (h *house) byCode(d *net.Dialer, code, sni string) error {
	h.t.Helper()
	trust := h.server.ca.clientTLS()
	if sni != "" {
		trust = &tls.Config{ServerName: sni, InsecureSkipVerify: true} // as clients made for printers do
	}
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(trust).SetDialer(d).
		SetUsername("bblp").SetPassword(code).SetAutoReconnect(false).SetConnectRetry(false))
	w := c.Connect()
	if !w.WaitTimeout(10 * time.Second) {
		h.t.Fatal("no answer")
	}
	defer c.Disconnect(0)
	return w.Error()
}

// signIn signs in from some address and gives the answer's status.
func (h *house) signIn(d *net.Dialer, account, password string) int {
	h.t.Helper()
	body, err := json.Marshal(cloudapi.LoginRequest{Account: account, Password: grove.Secret(password)})
	if err != nil {
		h.t.Fatal(err)
	}
	c := http.Client{Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}, Timeout: time.Minute}
	w, err := c.Post(h.info.HTTP+"/v1/user-service/user/login", "application/json", bytes.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	defer w.Body.Close()
	return w.StatusCode
}

func TestARestartHelpsNobodyWhoGuesses(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c) // which makes 127.0.0.1 an address that the owner signs in from
		if _, err := h.client.Bind(t.Context(), bindRequest()); err != nil {
			t.Fatal(err)
		}
		p, err := h.server.db.Printer(t.Context(), bench)
		if err != nil {
			t.Fatal(err)
		}
		code, home := string(p.AccessCode), elsewhere(t, 1)
		for n := range 10 {
			for _, sni := range []string{"", bench} {
				if err := h.byCode(elsewhere(t, 100+n), "00000000", sni); err == nil {
					t.Fatal("a wrong code was taken")
				}
			}
		}
		for n := range 20 { // the address, with accounts that there are not
			if got := h.signIn(elsewhere(t, 200), strconv.Itoa(n)+"@example.org", "wrong wrong wrong"); got != http.StatusBadRequest {
				t.Fatalf("guess %d: %d", n, got)
			}
		}
		h.stop()

		h = start(t, c)
		for _, sni := range []string{"", bench} {
			if err := h.byCode(elsewhere(t, 300), code, sni); err == nil {
				t.Errorf("server name %q: after a restart an unknown address is heard again", sni)
			}
			if err := h.byCode(home, code, sni); err != nil {
				t.Errorf("server name %q: the owner's address: %v", sni, err)
			}
		}
		if got := h.signIn(elsewhere(t, 200), ownerEmail, ownerPassword); got != http.StatusTooManyRequests {
			t.Errorf("an address with 20 failures: %d, want 429", got)
		}
		if got := h.signIn(home, ownerEmail, ownerPassword); got != http.StatusOK {
			t.Errorf("the owner: %d", got)
		}
	})
}
