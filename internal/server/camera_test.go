package server

import (
	"bytes"
	"context"
	"image/jpeg"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/grovecloud/grove/internal/sim"
)

// watch opens a printer's stream and gives what ends with it.
func (s *slicer) watch() chan error {
	s.t.Helper()
	link := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/stream", "")), "stream_url")
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, link, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	ended, opened := make(chan error, 1), make(chan int, 1)
	go func() {
		w, err := web.Do(r)
		if err != nil {
			close(opened)
			ended <- err
			return
		}
		defer w.Body.Close()
		opened <- w.StatusCode
		_, err = io.Copy(io.Discard, w.Body)
		ended <- err
	}()
	if status := <-opened; status != http.StatusOK {
		s.t.Fatalf("stream: %d", status)
	}
	return ended
}

func TestASimulatedPrinterCanBeLookedAt(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	b, err := h.client.Bind(t.Context(), bindRequest())
	if err != nil {
		t.Fatal(err)
	}
	config := sim.Config{Serial: bench, Model: "P1S", Broker: h.info.MQTTS, TLS: h.server.ca.clientTLS(), HTTP: web, Seed: 1, Secret: b.Data.DeviceSecret}
	p, err := sim.New(config)
	if err != nil {
		t.Fatal(err)
	}
	h.server.seen.add(bench, p.Picture)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	left := false
	leave := func() {
		cancel()
		if !left {
			left = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	defer leave()
	h.connected(bench)

	s := &slicer{t: t, base: h.info.HTTP, token: string(h.client.Token())}
	still := s.text(s.good(s.call("GET", iotUser+"/device/"+bench+"/snapshot", "")), "url")
	picture, err := jpeg.Decode(bytes.NewReader(s.ask("GET", still, nil, false)))
	if err != nil || picture.Bounds().Dx() != 640 {
		t.Errorf("picture %v %v", picture, err)
	}

	signedOut := s.watch()
	if _, err := h.client.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	s.ask("POST", "/v1/user-service/my/logout", []byte(`{"refreshtoken":""}`), true)
	began := time.Now()
	if err := <-signedOut; err != nil || time.Since(began) > time.Second {
		t.Errorf("after signing out: %v, %s later", err, time.Since(began))
	}
	late, err := web.Get(still)
	if err != nil {
		t.Fatal(err)
	}
	late.Body.Close()
	if late.StatusCode != http.StatusUnauthorized {
		t.Errorf("a link from before the logout: %d", late.StatusCode)
	}

	s.token = string(h.client.Token())
	gone := s.watch()
	leave()
	if err := <-gone; err != nil {
		t.Errorf("after the printer left: %v", err)
	}
	if devices, err := h.client.Devices(t.Context()); err != nil || len(devices) != 1 {
		t.Errorf("devices %v %v", devices, err)
	}
}

func TestTheDemosPrintersCanBeLookedAt(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Demo = true
	h := start(t, c)
	h.client = h.newClient("")
	if _, err := h.client.Login(t.Context(), DemoEmail, demoPassword); err != nil {
		t.Fatal(err)
	}
	s := &slicer{t: t, base: h.info.HTTP, token: string(h.client.Token())}
	for _, p := range allToys() {
		h.connected(p.serial)
		link := s.text(s.good(s.call("GET", iotUser+"/device/"+p.serial+"/snapshot", "")), "url")
		if _, err := jpeg.Decode(bytes.NewReader(s.ask("GET", link, nil, false))); err != nil {
			t.Errorf("%s: %v", p.name, err)
		}
	}
}
