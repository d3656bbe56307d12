package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.uber.org/goleak"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/sim"
)

func TestMain(m *testing.M) {
	if at := os.Getenv(crashVariable); at != "" {
		crashChild(at)
		return
	}
	if os.Getenv(goVariable) != "" {
		if err := goClient(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// receiver is somebody else's server that is told of events.
type receiver struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	secret string
	seen   []grove.Event
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.Close)
	return r
}

// take verifies a delivery as any receiver would, with the official library.
func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	hook, err := standardwebhooks.NewWebhook(r.secret)
	if err != nil {
		r.t.Error(err)
		return
	}
	if err := hook.Verify(body, req.Header); err != nil {
		r.t.Errorf("signature: %v", err)
	}
	var e grove.Event
	if err := json.Unmarshal(body, &e); err != nil {
		r.t.Errorf("body %s: %v", body, err)
	}
	r.seen = append(r.seen, e)
	w.WriteHeader(http.StatusNoContent)
}

func (r *receiver) has(kind grove.EventType, job string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.seen, func(e grove.Event) bool {
		return e.Type == kind && e.Data.JobID == job && e.Data.DeviceID == bench && e.Data.DeviceName != ""
	})
}

// The whole main job: somebody signs in, binds a printer, uploads a print,
// starts it, watches it over MQTT to its end; a webhook receiver is told.
func TestTheWholeJourney(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		hooks := newReceiver(t)
		hooks.subscribe(h, grove.PrintStarted, grove.PrintCompleted, grove.DeviceOnline, grove.NotificationCreated, grove.JobFinished)
		path := filepath.Join(t.TempDir(), "ledger")
		book, err := sim.OpenLedger(path)
		if err != nil {
			t.Fatal(err)
		}
		defer book.Close()
		h.printer(func(c *sim.Config) { c.Ledger = book })
		h.connected(bench)
		file := h.upload()
		if !file.Printable {
			t.Fatalf("not printable: %s", file.Problem)
		}

		states := map[string]bool{}
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			for live, err := range h.client.Watch(t.Context(), bench) {
				if err != nil {
					t.Error(err)
					return
				}
				states[live.Shadow.State] = true
				if live.Shadow.State == "FINISH" {
					return
				}
			}
		}()
		id := h.print(file.FileID)
		job := h.ends(id)
		if job.State != grove.Finished || job.Percent != 100 || job.StartedAt.IsZero() || job.FinishedAt.IsZero() {
			t.Fatalf("job %+v", job)
		}
		<-watched
		if !states["RUNNING"] || !states["FINISH"] {
			t.Errorf("watched %v", states)
		}
		for _, e := range []grove.EventType{grove.PrintStarted, grove.PrintCompleted, grove.JobFinished} {
			until(t, "the receiver was told of "+string(e), func() bool { return hooks.has(e, job.TaskID()) })
		}
		until(t, "the receiver was told of the printer", func() bool { return hooks.has(grove.DeviceOnline, "") })
		starts := ledger(t, path)
		if len(starts) != 1 || starts[0].TaskID != job.TaskID() || !starts[0].PlateClear {
			t.Errorf("ledger %+v", starts)
		}
		tasks, err := h.client.Tasks(t.Context(), bench, grove.Page{})
		if err != nil || tasks.Total != 1 || tasks.Hits[0].Status != 2 {
			t.Errorf("tasks %+v %v", tasks, err)
		}
	})
}

func TestTheNextJobWaitsForThePlate(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	p := h.printer()
	h.connected(bench)
	file := h.upload()
	if j := h.ends(h.print(file.FileID)); j.State != grove.Finished {
		t.Fatalf("first job %+v", j)
	}
	second := h.print(file.FileID)
	until(t, "the second job says what it waits for", func() bool {
		j, err := h.client.Job(t.Context(), second)
		return err == nil && j.State == grove.Queued && j.Why != ""
	})
	notes, err := h.client.Notifications(t.Context(), true, grove.Page{})
	if err != nil || !slices.ContainsFunc(notes.Items, func(n grove.Notification) bool { return n.Type == grove.PlateToClear }) {
		t.Errorf("notifications %+v %v", notes.Items, err)
	}
	p.ClearPlate()
	if _, err := h.client.ClearPlate(t.Context(), bench); err != nil {
		t.Fatal(err)
	}
	if j := h.ends(second); j.State != grove.Finished {
		t.Errorf("second job %+v", j)
	}
}

func TestACancelledPrintStopsThePrinter(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	p := h.printer(func(c *sim.Config) { c.Speed = 20 })
	h.connected(bench)
	id := h.print(h.upload().FileID)
	until(t, "it runs", func() bool { return p.State() == "RUNNING" })
	if _, err := h.client.CancelJob(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if j := h.ends(id); j.State != grove.Cancelled {
		t.Errorf("job %+v", j)
	}
	if p.State() != "FAILED" {
		t.Errorf("the printer is %s", p.State())
	}
}

func TestARestartKeepsEverything(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		h.printer()
		h.connected(bench)
		file := h.upload()
		token := h.client.Token()
		h.stop()
		again := start(t, c)
		if again.info.SetupCode != "" || again.info.Fingerprint != h.info.Fingerprint {
			t.Errorf("after the restart: setup code %q, CA %s (was %s)", again.info.SetupCode, again.info.Fingerprint, h.info.Fingerprint)
		}
		again.client = again.newClient(token)
		devices, err := again.client.Devices(t.Context())
		if err != nil || len(devices) != 1 || devices[0].ID != bench {
			t.Errorf("printers %+v %v", devices, err)
		}
		if f, err := again.client.File(t.Context(), file.FileID); err != nil || f.SHA256 != file.SHA256 {
			t.Errorf("file %+v %v", f, err)
		}
	})
}
