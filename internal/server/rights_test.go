package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/sim"
)

const (
	lightOn   = `{"system":{"command":"ledctrl","sequence_id":"1","led_node":"chamber_light","led_mode":"on","led_on_time":500,"led_off_time":500,"loop_times":0,"interval_time":0}}`
	gcodeHome = `{"print":{"command":"gcode_line","sequence_id":"1","param":"G28\n"}}`
)

// spied is a connection that somebody listens on.
type spied struct {
	reports chan string
	lost    chan error
	link    mqtt.Client
}

// spy listens to all that a client's account may see.
func (h *house) spy(c *client.Client) spied {
	h.t.Helper()
	who, err := c.Preference(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	s := spied{reports: make(chan string, 4096), lost: make(chan error, 1)}
	o := mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(h.server.ca.clientTLS()).SetAutoReconnect(false).
		SetUsername(fmt.Sprintf("u_%d", who.UID)).SetPassword(string(c.Token())).
		SetConnectionLostHandler(func(_ mqtt.Client, err error) { s.lost <- err })
	s.link = mqtt.NewClient(o)
	if token := s.link.Connect(); !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		h.t.Fatalf("connect: %v", token.Error())
	}
	h.t.Cleanup(func() { s.link.Disconnect(100) })
	token := s.link.Subscribe("device/+/report", 0, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case s.reports <- string(m.Payload()):
		default: // nobody reads
		}
	})
	if !token.WaitTimeout(10*time.Second) || token.Error() != nil {
		h.t.Fatalf("subscribe: %v", token.Error())
	}
	return s
}

// hear waits for some reports.
func (s spied) hear(t *testing.T, n int) {
	t.Helper()
	for range n {
		select {
		case <-s.reports:
		case <-time.After(20 * time.Second):
			t.Fatal("no report for 20 s")
		}
	}
}

func (s spied) drain() {
	for {
		select {
		case <-s.reports:
		default:
			return
		}
	}
}

func (h *house) share(role grove.Role) grove.Share {
	h.t.Helper()
	s, err := h.client.Share(h.t.Context(), cloudapi.ShareRequest{Serial: bench, Email: guestEmail, Role: role})
	if err != nil {
		h.t.Fatal(err)
	}
	return s.Share
}

func TestAGuestMayWhatTheShareSaysUntilItEnds(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	guest := h.guest()
	mine, theirs := h.spy(h.client), h.spy(guest)

	if devices, err := guest.Devices(t.Context()); err != nil || len(devices) != 0 {
		t.Fatalf("before it was shared: %+v, %v", devices, err)
	}
	h.share(grove.Viewer)
	theirs.hear(t, 3)
	devices, err := guest.Devices(t.Context())
	if err != nil || len(devices) != 1 || devices[0].ID != bench || devices[0].AccessCode != "" {
		t.Fatalf("shared: %+v, %v", devices, err)
	}
	for _, command := range []string{lightOn, gcodeHome} {
		if _, err := guest.Command(t.Context(), bench, json.RawMessage(command)); !errors.Is(err, grove.Forbidden) {
			t.Errorf("a viewer sent %s: %v", command, err)
		}
	}

	s := h.share(grove.Operator)
	if r, err := guest.Command(t.Context(), bench, json.RawMessage(lightOn)); err != nil || r.Outcome == grove.CommandRejected {
		t.Errorf("an operator switched the light on: %+v, %v", r, err)
	}
	if _, err := guest.Command(t.Context(), bench, json.RawMessage(gcodeHome)); !errors.Is(err, grove.Forbidden) {
		t.Errorf("a guest sent G-code: %v", err)
	}
	for what, err := range map[string]error{
		"rename": guest.Rename(t.Context(), bench, "Mine"), "unbind": guest.Unbind(t.Context(), bench),
	} {
		if !errors.Is(err, grove.Forbidden) {
			t.Errorf("a guest may %s: %v", what, err)
		}
	}
	h.guestPrints(guest)

	if err := h.client.Unshare(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	mine.hear(t, 3) // whatever was under way to the guest has arrived
	theirs.drain()
	mine.hear(t, 10)
	if n := len(theirs.reports); n > 0 {
		t.Errorf("%d reports after it was unshared", n)
	}
	if _, err := guest.Printer(t.Context(), bench); !errors.Is(err, grove.NotFound) {
		t.Errorf("after it was unshared: %v", err)
	}
	if list, err := guest.Jobs(t.Context(), grove.JobQuery{}, grove.Page{}); err != nil || len(list.Items) != 0 {
		t.Errorf("its jobs are still listed: %+v, %v", list, err)
	}
}

// guestPrints prints a file of the guest's: the job is the owner's, and both see it.
func (h *house) guestPrints(guest *client.Client) {
	h.t.Helper()
	theirs := *h
	theirs.client = guest
	id := theirs.print(theirs.upload().FileID)
	until(h.t, "the guest's print runs", func() bool {
		j, err := h.client.Job(h.t.Context(), id)
		return err == nil && j.State == grove.Running
	})
	for name, c := range map[string]*client.Client{"owner": h.client, "guest": guest} {
		list, err := c.Jobs(h.t.Context(), grove.JobQuery{}, grove.Page{})
		if err != nil || len(list.Items) != 1 || list.Items[0].ID != id {
			h.t.Errorf("%s: jobs %+v, %v", name, list, err)
			continue
		}
		// Whose the file is, which is not whose the printer is, says who may print it again.
		one, err := c.Job(h.t.Context(), id)
		if yours := name == "guest"; err != nil || list.Items[0].FileYours != yours || one.FileYours != yours {
			h.t.Errorf("%s: the file is theirs: %t in the list, %t alone, %v", name, list.Items[0].FileYours, one.FileYours, err)
		}
	}
	if _, err := h.client.ReprintJob(h.t.Context(), id); !errors.Is(err, grove.NotFound) {
		h.t.Errorf("the owner prints the guest's file again: %v", err)
	}
	audit, err := h.server.db.Audit(h.t.Context(), 0, grove.Page{})
	if err != nil {
		h.t.Fatal(err)
	}
	who, err := guest.Preference(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, e := range audit.Items {
		if e.Action == "job.create" {
			if e.Actor != fmt.Sprintf("user:%d", who.UID) {
				h.t.Errorf("the print is said to be %s's", e.Actor)
			}
			return
		}
	}
	h.t.Error("the print is not in the audit log")
}

func TestARevokedKeyLosesItsConnectionsAndStreams(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	made, err := h.client.CreateKey(t.Context(), cloudapi.KeyRequest{Name: "dashboard", Scopes: []grove.Action{grove.ReadPrinter}, Printers: []string{bench}})
	if err != nil {
		t.Fatal(err)
	}
	program := h.newClient(made.Secret)
	s := h.spy(program)
	s.hear(t, 3)
	if _, err := program.Command(t.Context(), bench, json.RawMessage(lightOn)); !errors.Is(err, grove.Forbidden) {
		t.Errorf("a key that reads switched the light on: %v", err)
	}
	_, ended := follow(t.Context(), program, -1)
	until(t, "the stream is up", func() bool { return h.server.feed.Followers() == 1 })

	began := time.Now()
	if err := h.client.RevokeKey(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.lost:
	case <-time.After(20 * time.Second):
		t.Fatal("the connection goes on")
	}
	if err := <-ended; grove.AsError(err).Code != grove.Unauthenticated {
		t.Errorf("the stream ended with %v", err)
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("cut after %s", took)
	}
	if _, err := program.Printer(t.Context(), bench); !errors.Is(err, grove.Unauthenticated) {
		t.Errorf("over HTTP: %v", err)
	}
}

// The faces ask one gate, so whatever a key is good for, it is good for the same
// over HTTP and MQTT.
func TestTheFacesAgreeOnWhatAKeyMay(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	for name, c := range map[string]struct {
		wish          cloudapi.KeyRequest
		reads, lights bool
	}{
		"nothing":         {cloudapi.KeyRequest{}, false, false},
		"no scope":        {cloudapi.KeyRequest{AllPrinters: true}, false, false},
		"no printer":      {cloudapi.KeyRequest{Scopes: grove.Scopes()}, false, false},
		"reads":           {cloudapi.KeyRequest{AllPrinters: true, Scopes: []grove.Action{grove.ReadPrinter}}, true, false},
		"reads the bench": {cloudapi.KeyRequest{Printers: []string{bench}, Scopes: []grove.Action{grove.ReadPrinter}}, true, false},
		"controls":        {cloudapi.KeyRequest{Printers: []string{bench}, Scopes: []grove.Action{grove.ControlPrinter}}, true, true},
		"starts":          {cloudapi.KeyRequest{AllPrinters: true, Scopes: []grove.Action{grove.StartPrint}}, true, true},
		"files":           {cloudapi.KeyRequest{AllPrinters: true, Scopes: []grove.Action{grove.WriteFiles}}, false, false},
	} {
		c.wish.Name = name
		made, err := h.client.CreateKey(t.Context(), c.wish)
		if err != nil {
			t.Fatal(err)
		}
		program := h.newClient(made.Secret)
		_, err = program.Printer(t.Context(), bench)
		if (err == nil) != c.reads {
			t.Errorf("%s: reads over HTTP: %v", name, err)
		}
		_, err = program.Command(t.Context(), bench, json.RawMessage(lightOn))
		if (err == nil) != c.lights {
			t.Errorf("%s: switches the light over HTTP: %v", name, err)
		}
		actor, err := h.server.access.AuthenticateFrom(t.Context(), string(made.Secret), access.Visit{Remote: netip.MustParseAddr("127.0.0.1")})
		if err != nil {
			t.Fatal(err)
		}
		gate := door{h.server.access, h.server.fleet}
		if got := gate.May(actor, grove.ReadPrinter, bench); got != c.reads {
			t.Errorf("%s: may read over MQTT: %t", name, got)
		}
		if got := h.lights(actor); got != c.lights {
			t.Errorf("%s: switches the light over MQTT: %t", name, got)
		}
	}
}

// lights reports whether a light that an actor switches on by a published message
// is refused.
func (h *house) lights(actor grove.Actor) bool {
	refused := false
	h.server.fleet.Request(h.t.Context(), actor, bench, []byte(lightOn), func(reply []byte) {
		refused = refused || strings.Contains(string(reply), `"fail"`)
	})
	return !refused
}
