package server

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

// happens stores a fact about a printer, as the rules do.
func (h *house) happens(userID int64, serial string, kind grove.EventType) {
	h.t.Helper()
	err := h.server.db.AddEvents(h.t.Context(), []grove.Event{{
		UserID: userID, Type: kind, At: time.Now().UTC(), Data: grove.EventData{DeviceID: serial, DeviceName: serial, Status: "x"},
	}})
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) userID(c *client.Client) int64 {
	h.t.Helper()
	who, err := c.Preference(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return who.UID
}

// listed are the types of the events that a client's account sees of a printer.
func listed(t *testing.T, c *client.Client, serial string) (kinds []grove.EventType) {
	t.Helper()
	list, err := c.Events(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if e.Data.DeviceID == serial {
			kinds = append(kinds, e.Type)
		}
	}
	return kinds
}

func TestAGuestHearsOfAPrinterForAsLongAsTheShareLasts(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		h.bound()
		guest := h.guest()
		ann, bob := h.userID(h.client), h.userID(guest)
		hooks := newReceiver(t)
		made, err := guest.CreateWebhook(t.Context(), cloudapi.WebhookRequest{
			URL: hooks.URL, Events: []grove.EventType{grove.JobQueued, grove.JobStarted, grove.JobFailed, grove.JobExpired},
		})
		if err != nil {
			t.Fatal(err)
		}
		hooks.mu.Lock()
		hooks.secret = string(made.Secret)
		hooks.mu.Unlock()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		news, ended := follow(ctx, guest, -1)
		until(t, "the stream is up", func() bool { return h.server.feed.Followers() == 1 })

		h.happens(ann, bench, grove.JobQueued)
		s := h.share(grove.Viewer)
		h.happens(ann, bench, grove.JobStarted)
		if n := one(t, news); n.Type != grove.JobStarted || n.Data.DeviceID != bench {
			t.Errorf("the stream tells of %s first", n.Type)
		}
		if got := listed(t, guest, bench); len(got) != 1 || got[0] != grove.JobStarted {
			t.Errorf("the list has %v", got)
		}
		hooks.told(t, grove.JobStarted, func(d grove.EventData) bool { return d.DeviceID == bench })
		if p, err := guest.Printer(t.Context(), bench); err != nil || p.Serial != bench {
			t.Errorf("its state: %+v, %v", p, err)
		}
		h.happens(ann, bench, grove.PrintCompleted)
		if n := one(t, news); n.Type != grove.PrintCompleted {
			t.Errorf("then the stream tells of %s", n.Type)
		}
		if n := one(t, news); n.Type != grove.NotificationCreated {
			t.Errorf("the guest was not notified: %s", n.Type)
		}

		if err := h.client.Unshare(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
		h.happens(ann, bench, grove.JobFailed)
		h.happens(bob, "P9", grove.JobExpired)
		if n := one(t, news); n.Type != grove.JobExpired {
			t.Errorf("after it was unshared the stream tells of %s", n.Type)
		}
		if got := listed(t, guest, bench); len(got) != 1 || got[0] != grove.NotificationCreated { // which is the guest's own
			t.Errorf("after it was unshared the list has %v", got)
		}
		hooks.told(t, grove.JobExpired, func(grove.EventData) bool { return true })
		if n := hooks.count(grove.JobQueued, bench) + hooks.count(grove.JobFailed, bench); n > 0 {
			t.Errorf("%d deliveries of what the guest has nothing to do with", n)
		}
		if _, err := guest.Printer(t.Context(), bench); !errors.Is(err, grove.NotFound) {
			t.Errorf("its state after it was unshared: %v", err)
		}
		cancel()
		<-ended
	})
}
