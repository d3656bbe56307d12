package server

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove/cloudapi"
)

// call asks the running cloud as the owner and reads the answer.
func call[T any](h *house, method, path, body string) (out T) {
	h.t.Helper()
	status, _, raw := h.raw(method, path, string(h.client.Token()), body)
	if err := json.Unmarshal(raw, &out); err != nil || status != http.StatusOK {
		h.t.Fatalf("%s %s: %d %s %v", method, path, status, raw, err)
	}
	return out
}

// knock connects over MQTT and tells when the connection is lost.
func (h *house) knock(username, password string) (lost chan struct{}) {
	h.t.Helper()
	lost = make(chan struct{})
	c := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(h.server.ca.clientTLS()).
		SetUsername(username).SetPassword(password).SetAutoReconnect(false).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) }))
	if t := c.Connect(); !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		h.t.Fatalf("connect: %v", t.Error())
	}
	h.t.Cleanup(func() { c.Disconnect(0) })
	return lost
}

// A mail server that takes the connection and then says nothing must not keep the
// client waiting, which gives up after three seconds.
func TestASilentMailServerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	c := testConfig(t)
	c.SMTP, c.MailFrom = "smtp://"+silent.Addr().String(), "grove@example.org"
	h := owned(t, c)
	call[json.RawMessage](h, "PUT", "/v1/grove-service/users/me/security", fmt.Sprintf(`{"mode":"code","password":%q}`, ownerPassword))
	began := time.Now()
	got := call[cloudapi.Login](h, "POST", "/v1/user-service/user/login", fmt.Sprintf(`{"account":%q,"password":%q}`, ownerEmail, ownerPassword))
	if took := time.Since(began); got.LoginType != "verifyCode" || took > time.Second {
		t.Errorf("got %+v after %s", got, took)
	}
	if letters := call[cloudapi.Data[[]cloudapi.Letter]](h, "GET", "/v1/grove-service/letters", ""); len(letters.Data) != 0 {
		t.Errorf("mail is set up, and owners read it: %+v", letters.Data)
	}
	began = time.Now()
	h.stop()
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("stopping took %s", took)
	}
}

func TestMailIsRefusedWhereItCannotWork(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Config){
		func(c *Config) { c.SMTP = "smtp://grove:hunter2@mail.example.org" }, // no sender
		func(c *Config) { c.SMTP, c.MailFrom = "mail.example.org:hunter2", "grove@example.org" },
		func(c *Config) { c.MailFrom = "grove@example.org" },
	} {
		c := testConfig(t)
		change(&c)
		if _, err := New(t.Context(), c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}

// What a logout ends is what a refresh went on with, also over MQTT.
func TestALogoutAfterARefreshCutsWhoCameBefore(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	uid := call[cloudapi.Profile](h, "GET", "/v1/user-service/my/profile", "").UIDStr
	lost := h.knock("u_"+uid, string(h.client.Token()))
	fresh := call[cloudapi.Login](h, "POST", "/v1/user-service/user/refreshtoken", fmt.Sprintf(`{"refreshToken":%q}`, string(h.client.Token())))
	select {
	case <-lost:
		t.Fatal("the refresh cut the connection")
	default:
	}
	if err := h.newClient(fresh.AccessToken).Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost:
	case <-time.After(time.Second):
		t.Error("a second after the logout the connection still stands")
	}
}
