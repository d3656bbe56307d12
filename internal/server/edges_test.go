package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

// dwell keeps an MQTT connection of a signed-in client; lost is closed at its end.
func (h *house) dwell(c *client.Client, id string) (lost chan struct{}, conn mqtt.Client) {
	h.t.Helper()
	who, err := c.Preference(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	lost = make(chan struct{})
	conn = mqtt.NewClient(mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(h.server.ca.clientTLS()).
		SetUsername(fmt.Sprintf("u_%d", who.UID)).SetPassword(string(c.Token())).SetClientID(id).SetAutoReconnect(false).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) }))
	if token := conn.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		h.t.Fatalf("connect: %v", token.Error())
	}
	h.t.Cleanup(func() { conn.Disconnect(0) })
	return lost, conn
}

func TestSigningOutCutsTheConnectionsOfThatSessionOnly(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	second := h.newClient("")
	if _, err := second.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	lost, gone := h.dwell(h.client, "gone")
	_, stays := h.dwell(second, "stays")
	if err := h.client.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-lost:
	case <-time.After(time.Second):
		t.Fatal("a second after signing out the connection is still there")
	}
	if token := gone.Connect(); token.WaitTimeout(10*time.Second) && token.Error() == nil {
		t.Error("the ended session came in again")
	}
	if token := stays.Subscribe("device/+/report", 0, nil); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		t.Errorf("another session of the same user: %v", token.Error())
	}
}

// Which machines webhooks may reach is the operator's to say, each by its switch.
func TestWebhooksStayOutOfTheHouseUnlessTold(t *testing.T) {
	t.Parallel()
	const machine, network = "https://127.0.0.1/hook", "https://10.0.0.1/hook"
	for name, c := range map[string]struct {
		change func(*Config)
		open   []string
	}{
		"without a switch":       {func(*Config) {}, nil},
		"--webhooks-to-loopback": {func(c *Config) { c.HookLoopback = true }, []string{machine}},
		"--webhooks-to-private":  {func(c *Config) { c.HookPrivate = true }, []string{network}},
		"--demo":                 {func(c *Config) { c.Demo = true }, []string{machine}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := testConfig(t)
			cfg.HookLoopback = false
			c.change(&cfg)
			h := start(t, cfg)
			h.client = h.newClient("")
			h.enter(cfg)
			open := strings.Join(c.open, " ")
			for _, url := range []string{machine, network} {
				_, err := h.client.CreateWebhook(t.Context(), cloudapi.WebhookRequest{URL: url, Events: grove.EventTypes()})
				if strings.Contains(open, url) {
					if err != nil {
						t.Errorf("%s is refused: %v", url, err)
					}
					continue
				}
				if !errors.Is(err, grove.Invalid) || !strings.Contains(err.Error(), "the operator can allow that") {
					t.Errorf("%s: %v, want a refusal that says who can allow it", url, err)
				}
			}
		})
	}
}

// enter signs the client in, whichever cloud this is.
func (h *house) enter(c Config) {
	h.t.Helper()
	email, password := ownerEmail, grove.Secret(ownerPassword)
	if c.Demo {
		email, password = DemoEmail, demoPassword
	} else if _, err := h.client.Setup(h.t.Context(), cloudapi.SetupRequest{
		Code: h.info.SetupCode, Email: ownerEmail, Password: ownerPassword, Name: "Owner",
	}); err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.client.Login(h.t.Context(), email, password); err != nil {
		h.t.Fatal(err)
	}
}

// What an upload left behind, as a crash between content and record does, goes
// while the server runs; what is listed stays, however old.
func TestTheRunningServerSweepsWhatUploadsLeftBehind(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	h := owned(t, c)
	kept := h.upload().FileID
	h.stop()
	folder := filepath.Join(c.Data, "files", "files")
	orphan := filepath.Join(folder, "f_orphan")
	if err := os.WriteFile(orphan, []byte("left behind"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{orphan, filepath.Join(folder, kept)} {
		if err := os.Chtimes(name, old, old); err != nil {
			t.Fatal(err)
		}
	}
	h = owned(t, c)
	until(t, "the orphan is gone", func() bool {
		_, err := os.Stat(orphan)
		return errors.Is(err, os.ErrNotExist)
	})
	if n, err := h.client.Download(context.Background(), kept, io.Discard); err != nil || n == 0 {
		t.Errorf("the listed file: %d bytes, %v", n, err)
	}
}
