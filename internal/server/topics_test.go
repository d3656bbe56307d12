package server

import (
	"fmt"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
)

// TestTopicsAnswerEachCredentialAsExpected goes through who may come in, listen to
// a printer and command it over MQTT.
func TestTopicsAnswerEachCredentialAsExpected(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	owner, err := h.client.Preference(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	me := fmt.Sprintf("u_%d", owner.UID)
	key := func(in cloudapi.KeyRequest) string {
		in.Name = "topics"
		made, err := h.client.CreateKey(t.Context(), in)
		if err != nil {
			t.Fatal(err)
		}
		return string(made.Secret)
	}
	revoked := key(cloudapi.KeyRequest{Scopes: grove.Scopes(), AllPrinters: true})
	keys, err := h.client.Keys(t.Context(), grove.Page{})
	if err != nil {
		t.Fatal(err)
	}
	if err := h.client.RevokeKey(t.Context(), keys.Items[0].ID); err != nil {
		t.Fatal(err)
	}
	ended := h.newClient("")
	if _, err := ended.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	endedToken := string(ended.Token())
	if err := ended.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	guest := h.guest()
	visitor, err := guest.Preference(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	them := fmt.Sprintf("u_%d", visitor.UID)
	code, err := h.server.db.Printer(t.Context(), bench)
	if err != nil {
		t.Fatal(err)
	}

	for _, c := range []struct {
		name, user, password string
		share                grove.Role
		in, reads, commands  bool
	}{
		{"no credential", "", "", "", false, false, false},
		{"garbage", me, "nonsense", "", false, false, false},
		{"a garbage key", me, "grove_nonsense", "", false, false, false},
		{"an ended session", me, endedToken, "", false, false, false},
		{"a revoked key", me, revoked, "", false, false, false},
		{"another's user name", them, string(h.client.Token()), "", false, false, false},
		{"a key without scope", me, key(cloudapi.KeyRequest{AllPrinters: true}), "", true, false, false},
		{"a key without printer", me, key(cloudapi.KeyRequest{Scopes: grove.Scopes()}), "", true, false, false},
		{"a key bound elsewhere", me, key(cloudapi.KeyRequest{Scopes: grove.Scopes(), AllPrinters: true, Network: "192.0.2.0/24"}), "", false, false, false},
		{"a key that reads", me, key(cloudapi.KeyRequest{Scopes: []grove.Action{grove.ReadPrinter}, Printers: []string{bench}}), "", true, true, false},
		{"a key that controls", me, key(cloudapi.KeyRequest{Scopes: []grove.Action{grove.ControlPrinter}, Printers: []string{bench}}), "", true, true, true},
		{"another user", them, string(guest.Token()), "", true, false, false},
		{"a guest who looks", them, string(guest.Token()), grove.Viewer, true, true, false},
		{"a guest who prints", them, string(guest.Token()), grove.Operator, true, true, true},
		{"the access code", "bblp", string(code.AccessCode), "", true, true, true},
		{"the owner", me, string(h.client.Token()), "", true, true, true},
	} {
		if c.share != "" {
			h.share(c.share)
		}
		h.tryTopics(c.name, c.user, c.password, c.in, c.reads, c.commands)
	}
}

// tryTopics comes in as somebody, listens, and switches the light on.
func (h *house) tryTopics(name, user, password string, in, reads, commands bool) {
	h.t.Helper()
	o := mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(h.server.ca.clientTLS()).SetAutoReconnect(false).
		SetProtocolVersion(4).SetUsername(user).SetPassword(password) // once: who fails too often is slowed down
	link := mqtt.NewClient(o)
	connected := link.Connect()
	if !connected.WaitTimeout(10*time.Second) || (connected.Error() == nil) != in {
		h.t.Errorf("%s: connected: %v, want in: %t", name, connected.Error(), in)
		return
	}
	if !in {
		return
	}
	defer link.Disconnect(100)
	topic := "device/" + bench + "/report"
	subscribed := link.Subscribe(topic, 0, func(mqtt.Client, mqtt.Message) {})
	granted := subscribed.WaitTimeout(10*time.Second) && subscribed.Error() == nil
	if s, ok := subscribed.(*mqtt.SubscribeToken); ok && s.Result()[topic] == 0x80 {
		granted = false
	}
	if granted != reads {
		h.t.Errorf("%s: subscribed: %t, want %t", name, granted, reads)
	}
	before := h.commands()
	if p := link.Publish("device/"+bench+"/request", 1, false, lightOn); !p.WaitTimeout(10*time.Second) || p.Error() != nil {
		h.t.Errorf("%s: publish: %v", name, p.Error())
	}
	if did := h.commands() > before; did != commands {
		h.t.Errorf("%s: the light was switched: %t, want %t", name, did, commands)
	}
}

// commands is how many commands are in the audit log. A command is there before its
// publication is acknowledged.
func (h *house) commands() int {
	h.t.Helper()
	list, err := h.server.db.Audit(h.t.Context(), 0, grove.Page{})
	if err != nil {
		h.t.Fatal(err)
	}
	n := 0
	for _, e := range list.Items {
		if e.Action == "printer.command" {
			n++
		}
	}
	return n
}
