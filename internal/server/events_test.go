package server

import (
	"slices"
	"strconv"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
)

// told waits until the receiver has an event that fits, and gives it.
func (r *receiver) told(t *testing.T, kind grove.EventType, fits func(grove.EventData) bool) grove.EventData {
	t.Helper()
	var found grove.EventData
	until(t, "the receiver is told of "+string(kind), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.IndexFunc(r.seen, func(e grove.Event) bool { return e.Type == kind && fits(e.Data) })
		if i >= 0 {
			found = r.seen[i].Data
		}
		return i >= 0
	})
	return found
}

// The six events of the specification, each from its real cause, each signed: the
// receiver verifies all that it takes.
func TestEachDocumentedEventReachesAReceiver(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	hooks := newReceiver(t)
	hooks.subscribe(h,
		grove.PrintStarted, grove.PrintCompleted, grove.PrintFailed, grove.DeviceOnline, grove.DeviceOffline, grove.NotificationCreated)

	const other = "01P00A000000002"
	h.printer(func(c *sim.Config) { c.Serial = other })
	slow := h.bound(func(c *sim.Config) { c.Speed = 10 })
	unplug := h.plug(slow)
	h.connected(bench)
	h.connected(other)
	of := func(serial, job string) func(grove.EventData) bool {
		return func(d grove.EventData) bool { return d.DeviceID == serial && d.JobID == job }
	}
	hooks.told(t, grove.DeviceOnline, of(bench, ""))

	file := h.upload().FileID
	done, err := h.client.Print(t.Context(), cloudapi.PrintRequest{DeviceID: other, FileID: file})
	if err != nil {
		t.Fatal(err)
	}
	for kind, status := range map[grove.EventType]string{grove.PrintStarted: "RUNNING", grove.PrintCompleted: "FINISH", grove.NotificationCreated: "FINISH"} {
		d := hooks.told(t, kind, of(other, done.JobID))
		if d.DeviceName != "Bench P1S" || d.FileName != "cube.gcode.3mf" || d.Status != status {
			t.Errorf("%s: %+v, want status %s", kind, d, status)
		}
	}

	// Its network goes in the middle of a print, and comes back.
	id := h.print(file)
	task := strconv.FormatInt(id, 10)
	hooks.told(t, grove.PrintStarted, of(bench, task))
	unplug()
	if d := hooks.told(t, grove.DeviceOffline, of(bench, "")); d.Status != "printing" {
		t.Errorf("the printer left in the middle of a print: %+v", d)
	}
	h.plug(slow)
	until(t, "the receiver is told twice that it is there", func() bool { return hooks.count(grove.DeviceOnline, bench) == 2 })
	h.connected(bench)

	if _, err := h.client.Command(t.Context(), bench, []byte(`{"print":{"command":"stop","param":"","sequence_id":"1"}}`)); err != nil {
		t.Fatal(err)
	}
	if d := hooks.told(t, grove.PrintFailed, of(bench, task)); d.Reason == "" || d.FileName != "cube.gcode.3mf" {
		t.Errorf("a stopped print: %+v", d)
	}
	if n := hooks.count(grove.PrintFailed, other) + hooks.count(grove.PrintCompleted, bench); n > 0 {
		t.Errorf("%d events of what did not happen", n)
	}
}

// subscribe lets the receiver be told of events.
func (r *receiver) subscribe(h *house, events ...grove.EventType) {
	h.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	made, err := h.client.CreateWebhook(h.t.Context(), cloudapi.WebhookRequest{URL: r.URL, Events: events})
	if err != nil {
		h.t.Fatal(err)
	}
	r.secret = string(made.Secret)
}

func (r *receiver) count(kind grove.EventType, serial string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.seen {
		if e.Type == kind && e.Data.DeviceID == serial {
			n++
		}
	}
	return n
}
