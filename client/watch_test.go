package client_test

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.mqtt.golang/packets"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

const serial = "01P00A000000001"

const (
	fullReport = `{"print":{"command":"push_status","msg":0,"gcode_state":"RUNNING","mc_percent":10,"bed_temper":60,"layer_num":3}}`
	delta      = `{"print":{"command":"push_status","msg":1,"mc_percent":%d}}`
)

// foreign is somebody else's cloud: an HTTP API and an MQTT broker that do as
// they are told, on one certificate.
type foreign struct {
	t      *testing.T
	web    *httptest.Server
	broker net.Listener

	mu       sync.Mutex
	online   bool
	welcome  byte     // the answer to CONNECT
	granted  byte     // the answer to SUBSCRIBE
	reports  []string // the answer to pushall
	mute     bool     // says nothing at all
	cutOff   bool     // cuts a client off that publishes at QoS 1
	links    []net.Conn
	visits   int
	received []string
}

func newForeign(t *testing.T) *foreign {
	t.Helper()
	f := &foreign{t: t, online: true, reports: []string{fullReport}}
	f.web = httptest.NewTLSServer(http.HandlerFunc(f.answer))
	broker, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: f.web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	f.broker = broker
	done := make(chan struct{})
	go func() { defer close(done); f.serve() }()
	t.Cleanup(func() {
		_ = broker.Close()
		f.cut()
		<-done
		f.web.Close()
	})
	return f
}

// client is signed in and trusts the certificate.
func (f *foreign) client(change ...func(*client.Config)) *client.Client {
	f.t.Helper()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.web.Certificate().Raw})
	cfg := client.Config{URL: f.web.URL, MQTT: f.broker.Addr().String(), CA: ca, Token: "secret-token"}
	for _, c := range change {
		c(&cfg)
	}
	c, err := client.New(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

func (f *foreign) answer(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/preference") {
		_, _ = io.WriteString(w, `{"uid":7}`)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fmt.Fprintf(w, `{"devices":[{"dev_id":%q,"name":"Bench","dev_model_name":"C12","online":%v}]}`, serial, f.online)
}

func (f *foreign) serve() {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := f.broker.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		f.links = append(f.links, conn)
		f.visits++
		f.mu.Unlock()
		all.Go(func() {
			defer conn.Close()
			for f.packet(conn) {
			}
		})
	}
}

// packet answers one packet, and tells whether there may be another.
func (f *foreign) packet(conn net.Conn) bool {
	in, err := packets.ReadPacket(conn)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mute {
		return true
	}
	switch p := in.(type) {
	case *packets.ConnectPacket:
		out := packets.NewControlPacket(packets.Connack).(*packets.ConnackPacket)
		out.ReturnCode = f.welcome
		if p.Username != "u_7" || string(p.Password) != "secret-token" || !p.CleanSession {
			f.t.Errorf("CONNECT as %q with %q, clean %v", p.Username, p.Password, p.CleanSession)
		}
		return out.Write(conn) == nil && f.welcome == packets.Accepted
	case *packets.SubscribePacket:
		out := packets.NewControlPacket(packets.Suback).(*packets.SubackPacket)
		out.MessageID, out.ReturnCodes = p.MessageID, []byte{f.granted}
		return out.Write(conn) == nil
	case *packets.PublishPacket:
		f.received = append(f.received, string(p.Payload))
		if f.cutOff && p.Qos > 0 {
			return false
		}
		if p.Qos > 0 {
			out := packets.NewControlPacket(packets.Puback).(*packets.PubackPacket)
			out.MessageID = p.MessageID
			return out.Write(conn) == nil
		}
		return !strings.Contains(string(p.Payload), "pushall") || publish(conn, f.reports...) == nil
	case *packets.DisconnectPacket:
		return false
	}
	return true
}

func publish(conn net.Conn, payloads ...string) error {
	for _, payload := range payloads {
		out := packets.NewControlPacket(packets.Publish).(*packets.PublishPacket)
		out.TopicName, out.Payload = "device/"+serial+"/report", []byte(payload)
		if err := out.Write(conn); err != nil {
			return err
		}
	}
	return nil
}

// say has the printer report something on the present link.
func (f *foreign) say(payload string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := publish(f.links[len(f.links)-1], payload); err != nil {
		f.t.Error(err)
	}
}

func (f *foreign) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// cut breaks every link.
func (f *foreign) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.links {
		_ = l.Close()
	}
}

// first is the first thing a watch gives.
func first(t *testing.T, c *client.Client, serial string) (grove.Live, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for live, err := range c.Watch(ctx, serial) {
		return live, err
	}
	t.Fatal("nothing to watch")
	return grove.Live{}, nil
}

func TestAWatchMergesWhatThePrinterReports(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	var seen int
	for live, err := range f.client().Watch(t.Context(), serial) {
		if err != nil {
			t.Fatal(err)
		}
		s := live.Shadow
		if live.Serial != serial || live.Name != "Bench" || live.Model != "C12" || !live.Connected || !live.Complete || s.State != "RUNNING" || s.BedCelsius != 60 {
			t.Fatalf("%+v", live)
		}
		if seen++; seen == 1 {
			if s.Percent != 10 || live.ReportedAt.IsZero() || !strings.Contains(string(live.Raw), `"layer_num":3`) {
				t.Errorf("%+v %s", live, live.Raw)
			}
			f.say(`{"print":{"command":"pause","result":"success"}}`) // a reply, no state
			f.say(`not JSON`)
			f.say(fmt.Sprintf(delta, 11))
			continue
		}
		if s.Percent != 11 || s.Layer != 3 {
			t.Errorf("%+v", s)
		}
		break
	}
}

func TestAPrinterThatGoesAwayShows(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	var seen int
	for live, err := range f.client().Watch(t.Context(), serial) {
		if err != nil {
			t.Fatal(err)
		}
		seen++
		switch {
		case seen == 1:
			f.say(`{"event":{"event":"client.disconnected","reason":"keepalive_timeout"}}`)
			continue
		case seen == 2:
			if live.Connected || live.Shadow.State != "RUNNING" {
				t.Errorf("%+v", live)
			}
			f.say(`{"event":{"event":"client.connected"}}`)
			continue
		case !live.Connected:
			t.Errorf("%+v", live)
		}
		break
	}
}

// Nothing is ever reported of a printer that is off, and nobody should wait for it.
func TestAPrinterThatIsOffIsToldAtOnce(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	f.online, f.reports = false, nil
	live, err := first(t, f.client(), serial)
	if err != nil || live.Connected || live.Complete || live.Name != "Bench" {
		t.Errorf("%+v %v", live, err)
	}
}

func TestABrokenLinkIsMadeAgain(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	var seen int
	news := make(chan error, 8)
	tells := f.client(func(c *client.Config) { c.Linked = func(err error) { news <- err } })
	for live, err := range tells.Watch(t.Context(), serial) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 1 {
			// A fragment on the new link says nothing of what was missed.
			f.set(func() {
				f.reports = []string{fmt.Sprintf(delta, 11), strings.Replace(fullReport, "RUNNING", "PAUSE", 1)}
			})
			f.cut()
			continue
		}
		if live.Shadow.State != "PAUSE" || !live.Complete {
			t.Errorf("after the link came back: %+v", live)
		}
		break
	}
	f.set(func() {
		if f.visits != 2 || len(f.received) != 2 {
			t.Errorf("%d links, %q", f.visits, f.received)
		}
	})
	if len(news) != 2 {
		t.Fatalf("told of the link %d times", len(news))
	}
	if lost, back := <-news, <-news; !errors.Is(lost, grove.Unavailable) || back != nil {
		t.Errorf("told %v, then %v", lost, back)
	}
}

func TestARefusalEndsTheWatch(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	f.welcome = packets.ErrRefusedNotAuthorised
	_, err := first(t, f.client(), serial)
	named(t, err, client.ErrBadRequest, grove.Unauthenticated)
	f.set(func() { f.welcome, f.granted = packets.Accepted, 0x80 })
	_, err = first(t, f.client(), serial)
	named(t, err, client.ErrBadRequest, grove.NotFound)
	f.set(func() { f.granted = 0 })
	_, err = first(t, f.client(), "01P00A00000000X")
	named(t, err, client.ErrBadRequest, grove.NotFound)
	// A token that ends while the watch runs: the next link is refused.
	for _, err := range f.client().Watch(t.Context(), serial) {
		if err == nil {
			f.set(func() { f.welcome = packets.ErrRefusedBadUsernameOrPassword })
			f.cut()
			continue
		}
		named(t, err, client.ErrBadRequest, grove.Unauthenticated)
	}
}

func TestABrokerThatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	c := f.client()
	_ = f.broker.Close()
	_, err := first(t, c, serial)
	named(t, err, client.ErrNetwork, grove.Unavailable)
	named(t, c.Publish(t.Context(), serial, []byte(`{}`)), client.ErrNetwork, grove.Unavailable)
}

func TestABrokerWhoseCertificateIsUnknownIsNotTrusted(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	api := httptest.NewServer(http.HandlerFunc(f.answer))
	t.Cleanup(api.Close)
	c, err := client.New(client.Config{URL: api.URL, MQTT: f.broker.Addr().String(), Token: "secret-token"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = first(t, c, serial)
	named(t, err, client.ErrNetwork, grove.Unavailable)
	if err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("the error does not say why: %v", err)
	}
}

// A broker that takes the connection and then says nothing does not hold the
// caller, nor anything of the caller's, as the check at the end of all tests sees.
func TestAWatchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	f.mute = true
	c := f.client()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	for live, err := range c.Watch(ctx, serial) {
		t.Errorf("a watch that ended gave %+v %v", live, err)
	}
	err := c.Publish(ctx, serial, []byte(`{}`))
	named(t, err, client.ErrCanceled, grove.Unavailable)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

func TestAWatchEndsWhileItWaitsForTheNextLink(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range f.client().Watch(ctx, serial) {
		if err != nil {
			t.Errorf("ended with %v", err)
		}
		_ = f.broker.Close()
		f.cut()
		time.AfterFunc(50*time.Millisecond, cancel)
	}
	if ctx.Err() == nil {
		t.Error("the watch ended by itself")
	}
}

func TestAMessageIsSentOnce(t *testing.T) {
	t.Parallel()
	f := newForeign(t)
	c := f.client()
	if err := c.Publish(t.Context(), serial, []byte(`{"print":{"command":"pause"}}`)); err != nil {
		t.Fatal(err)
	}
	f.set(func() { f.cutOff = true })
	named(t, c.Publish(t.Context(), serial, []byte(`{"print":{"command":"stop"}}`)), client.ErrNetwork, grove.Unavailable)
	f.set(func() {
		if len(f.received) != 2 || f.visits != 2 {
			t.Errorf("%d links, %q", f.visits, f.received)
		}
	})
}

// Another account has another MQTT user name.
func TestTheUserNameFollowsTheAccount(t *testing.T) {
	t.Parallel()
	asked := 0
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/login"):
			_, _ = io.WriteString(w, `{"accessToken":"another"}`)
		case strings.HasSuffix(r.URL.Path, "/preference"):
			asked++
			_, _ = io.WriteString(w, `{"uid":7}`)
		}
	}))
	t.Cleanup(web.Close)
	c, err := client.New(client.Config{URL: web.URL, MQTT: "127.0.0.1:1"}) // where nobody listens
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 2 {
		if _, err := c.Login(ctx, "a@example.org", "password"); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			named(t, c.Publish(ctx, serial, []byte(`{}`)), client.ErrNetwork, grove.Unavailable)
		}
	}
	if asked != 2 {
		t.Errorf("the number of the account was asked for %d times, want once a login", asked)
	}
}
