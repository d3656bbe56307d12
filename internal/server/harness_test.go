package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/internal/store/storetest"
	"github.com/grovecloud/grove/printfile/sample"
)

const (
	ownerEmail    = "owner@example.org"
	ownerPassword = "correct horse battery"
	bench         = "01P00A000000001"
)

// web is the HTTP client of somebody who knows nothing of Grove.
var web = &http.Client{Timeout: time.Minute}

// house is a running cloud and its owner's client.
type house struct {
	t      testing.TB
	server *Server
	info   Info
	client *client.Client
	stop   func()
}

// testConfig is a cloud on free ports in an empty directory.
func testConfig(t testing.TB) Config {
	t.Helper()
	return Config{
		Data: filepath.Join(t.TempDir(), "data"), HTTP: "127.0.0.1:0", MQTTS: "127.0.0.1:0", Limits: "off",
		HookLoopback: true, MinFree: 1, OfflineGrace: time.Second,
		Log: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// start runs a cloud until the test ends or stop is called.
func start(t testing.TB, c Config) *house {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s, err := New(ctx, c)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	h := &house{t: t, server: s}
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(h.stop)
	if h.info, err = s.Info(ctx); err != nil {
		t.Fatal(err)
	}
	return h
}

// owned starts a cloud and signs its first owner in.
func owned(t testing.TB, c Config) *house {
	t.Helper()
	h := start(t, c)
	h.client = h.newClient("")
	if h.info.SetupCode != "" {
		in := cloudapi.SetupRequest{Code: h.info.SetupCode, Email: ownerEmail, Password: ownerPassword, Name: "Owner"}
		if _, err := h.client.Setup(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.client.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *house) newClient(token grove.Secret) *client.Client {
	h.t.Helper()
	ca, err := os.ReadFile(h.info.CAFile)
	if err != nil {
		h.t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: h.info.HTTP, MQTT: h.info.MQTTS, CA: ca, Token: token})
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

// printer binds a simulated printer and lets it live.
func (h *house) printer(change ...func(*sim.Config)) *sim.Printer {
	h.t.Helper()
	p := h.bound(change...)
	h.plug(p)
	return p
}

// bound is a simulated printer of the owner's that is not plugged in yet.
func (h *house) bound(change ...func(*sim.Config)) *sim.Printer {
	h.t.Helper()
	c := sim.Config{
		Serial: bench, Model: "P1S", Broker: h.info.MQTTS, TLS: h.server.ca.clientTLS(), HTTP: web,
		Speed: 600, Tick: 50 * time.Millisecond, Seed: 1, Retry: 50 * time.Millisecond, Log: slog.New(slog.DiscardHandler),
	}
	for _, f := range change {
		f(&c)
	}
	b, err := h.client.Bind(h.t.Context(), cloudapi.BindRequest{DeviceID: c.Serial, DeviceName: "Bench " + c.Model, Model: c.Model, PlateClear: true})
	if err != nil {
		h.t.Fatal(err)
	}
	c.Secret = b.Data.DeviceSecret
	return h.assembled(c)
}

func (h *house) assembled(c sim.Config) *sim.Printer {
	h.t.Helper()
	p, err := sim.New(c)
	if err != nil {
		h.t.Fatal(err)
	}
	return p
}

// live lets a printer run until the test ends.
func (h *house) live(c sim.Config) *sim.Printer {
	h.t.Helper()
	p := h.assembled(c)
	h.plug(p)
	return p
}

// plug lets a printer run until it is unplugged or the test ends.
func (h *house) plug(p *sim.Printer) (unplug func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	unplug = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("printer: %v", err)
		}
	})
	h.t.Cleanup(unplug)
	return unplug
}

// until waits for a condition, looking often.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(time.Minute)
	defer end.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end.C:
			t.Fatalf("waited too long until %s", what)
		case <-tick.C:
		}
	}
}

// connected waits until the cloud has a full report of a printer.
func (h *house) connected(serial string) {
	h.t.Helper()
	until(h.t, serial+" is connected", func() bool {
		live, err := h.server.fleet.Now(serial)
		return err == nil && live.Complete && live.GcodeState != ""
	})
}

// upload puts a small sliced print there.
func (h *house) upload() cloudapi.FileItem {
	h.t.Helper()
	body := sample.ThreeMF(sample.Model("C12"), sample.Layers(10), sample.Seconds(600))
	item, err := h.client.Upload(h.t.Context(), client.Upload{Name: "cube.gcode.3mf", Size: int64(len(body)), Body: strings.NewReader(string(body))})
	if err != nil {
		h.t.Fatal(err)
	}
	return item
}

// print starts a file on the bench and gives the job's id.
func (h *house) print(file string) int64 {
	h.t.Helper()
	started, err := h.client.Print(h.t.Context(), cloudapi.PrintRequest{DeviceID: bench, FileID: file})
	if err != nil {
		h.t.Fatal(err)
	}
	var id int64
	if _, err := fmt.Sscan(started.JobID, &id); err != nil {
		h.t.Fatal(err)
	}
	return id
}

// ends waits until a job is done and gives it.
func (h *house) ends(id int64) grove.Job {
	h.t.Helper()
	var j grove.Job
	until(h.t, fmt.Sprintf("job %d is done", id), func() bool {
		var err error
		if j, err = h.client.Job(h.t.Context(), id); err != nil {
			h.t.Fatal(err)
		}
		return j.State.Done()
	})
	return j
}

// databases runs a test on SQLite and on PostgreSQL.
func databases(t *testing.T, test func(t *testing.T, c Config)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(t, testConfig(t)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		c := testConfig(t)
		c.Database = storetest.Postgres(t, os.Getenv)
		test(t, c)
	})
}

// ledger reads the lines of a ledger file.
func ledger(t testing.TB, path string) []sim.Start {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []sim.Start
	for line := range strings.Lines(string(raw)) {
		var s sim.Start
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

func bindRequest() cloudapi.BindRequest {
	return cloudapi.BindRequest{DeviceID: bench, DeviceName: "Bench P1S", Model: "P1S", PlateClear: true}
}

func mustCA(t testing.TB, data string) *authority {
	t.Helper()
	a, _, err := readAuthority(&directory{path: data})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// subscribe gives every report of a printer as it is published, as any MQTT
// client of the account sees it.
func (h *house) subscribe(serial string) <-chan string {
	h.t.Helper()
	reports, _ := h.both(serial)
	return reports
}

// both gives the reports and a way to publish on the same connection.
func (h *house) both(serial string) (reports chan string, publish func(message string)) {
	h.t.Helper()
	who, err := h.client.Preference(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	reports = make(chan string, 1024)
	o := mqtt.NewClientOptions().AddBroker("ssl://" + h.info.MQTTS).SetTLSConfig(h.server.ca.clientTLS()).
		SetUsername(fmt.Sprintf("u_%d", who.UID)).SetPassword(string(h.client.Token())).SetClientID("spy" + rand.Text())
	c := mqtt.NewClient(o)
	wait := func(what string, t mqtt.Token) {
		if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
			h.t.Fatalf("%s: %v", what, t.Error())
		}
	}
	wait("connect", c.Connect())
	h.t.Cleanup(func() { c.Disconnect(100) })
	wait("subscribe", c.Subscribe("device/"+serial+"/report", 0, func(_ mqtt.Client, m mqtt.Message) {
		select {
		case reports <- string(m.Payload()):
		default: // nobody reads
		}
	}))
	return reports, func(message string) { wait("publish", c.Publish("device/"+serial+"/request", 1, false, message)) }
}
