package server

import (
	"context"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

// look collects what a live stream tells.
func look(ctx context.Context, c *client.Client, closely ...string) (<-chan client.FleetNews, <-chan error) {
	news, ended := make(chan client.FleetNews, 1000), make(chan error, 1)
	go func() {
		var last error
		for n, err := range c.FollowFleet(ctx, closely...) {
			if last = err; err == nil {
				news <- n
			}
		}
		ended <- last
	}()
	return news, ended
}

// tells waits for news that fit.
func tells(t *testing.T, news <-chan client.FleetNews, what string, fits func(client.FleetNews) bool) client.FleetNews {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		select {
		case n := <-news:
			if fits(n) {
				return n
			}
		case <-late:
			t.Fatalf("the stream does not tell %s", what)
		}
	}
}

func isFleet(n client.FleetNews) bool { return n.Fleet != nil }

func TestAFleetIsSeenAsItChangesAndAnewAfterARestart(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	h := owned(t, c)
	p := h.bound()
	ctx, cancel := context.WithCancel(t.Context())
	news, ended := look(ctx, h.client, bench)
	if n := tells(t, news, "the fleet", isFleet); len(n.Fleet) != 1 || n.Fleet[0].Serial != bench || n.Fleet[0].Connected {
		t.Errorf("the fleet is %+v", n.Fleet)
	}
	unplug := h.plug(p)
	tells(t, news, "that it reports", func(n client.FleetNews) bool {
		return n.Printer.Connected && n.Printer.Complete && n.Printer.Shadow.State != ""
	})
	began := time.Now()
	h.stop()
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("a stream held the server up for %s", took)
	}
	unplug()
	c.HTTP, c.MQTTS = h.server.webAt.Addr().String(), h.server.mqttAt.Addr().String()
	owned(t, c)
	tells(t, news, "the fleet again", isFleet)
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}

func TestALogoutCutsALiveStream(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer()
	other := h.newClient("")
	if _, err := other.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	_, ended := look(t.Context(), h.newClient(other.Token()), "*")
	until(t, "the stream is up", func() bool { return h.server.fleet.Viewers() == 1 })
	began := time.Now()
	if err := other.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream is cut", func() bool { return h.server.fleet.Viewers() == 0 })
	if took := time.Since(began); took > time.Second {
		t.Errorf("cut after %s", took)
	}
	if err := <-ended; grove.AsError(err).Code != grove.Unauthenticated {
		t.Errorf("ended with %v", err)
	}
}

func TestWhoWatchesAPrinterIsCounted(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer()
	h.connected(bench)
	count := func() grove.Clients {
		live, err := h.client.Printer(t.Context(), bench)
		if err != nil || live.Details == nil {
			t.Fatalf("%+v, %v", live, err)
		}
		return live.Details.Clients
	}
	if got := count(); got != (grove.Clients{}) {
		t.Errorf("nobody watches, and it says %+v", got)
	}
	h.subscribe(bench)
	h.subscribe("+")
	if got := count(); got != (grove.Clients{Users: 2}) {
		t.Errorf("two watch, and it says %+v", got)
	}
}

func TestAGuestLooksOnForAsLongAsTheShareLasts(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	h.printer()
	h.connected(bench)
	guest := h.guest()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	news, _ := look(ctx, guest, bench)
	if n := tells(t, news, "the fleet", isFleet); len(n.Fleet) != 0 {
		t.Errorf("before it was shared: %+v", n.Fleet)
	}
	s := h.share(grove.Viewer)
	began := time.Now()
	tells(t, news, "the printer", func(n client.FleetNews) bool { return n.Printer.Serial == bench })
	if took := time.Since(began); took > time.Second {
		t.Errorf("shared after %s", took)
	}
	list, err := guest.Printers(t.Context(), grove.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("the list: %+v, %v", list, err)
	}
	report, err := guest.Report(t.Context(), bench)
	if err != nil || report.ReportedAt.IsZero() || len(report.Report) < 100 {
		t.Errorf("the report: %+v, %v", report, err)
	}
	var one client.FleetNews
	done := make(chan error, 1)
	go func() {
		var last error
		for n, err := range guest.FollowPrinter(ctx, bench) {
			if last = err; err == nil {
				one = n
			}
		}
		done <- last
	}()
	until(t, "it looks twice", func() bool { return h.server.fleet.Viewers() == 2 })
	began = time.Now()
	if err := h.client.Unshare(t.Context(), s.ID); err != nil {
		t.Fatal(err)
	}
	tells(t, news, "that it is gone", func(n client.FleetNews) bool { return n.Gone == bench })
	if err := <-done; err != nil || one.Gone != bench {
		t.Errorf("the stream of one ends with %+v, %v", one, err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("gone after %s", took)
	}
}

func TestHowHotAPrinterWasIsReadFromAnotherPlace(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		h.printer()
		h.connected(bench)
		warm := func(h *house) *float64 {
			got, err := h.client.Temperatures(t.Context(), bench, time.Now().Add(-time.Minute), time.Time{}, 2)
			if err != nil || len(got.NozzleCelsius) == 0 || len(got.NozzleCelsius) > 2 || len(got.ChamberTargetCelsius) != len(got.NozzleCelsius) {
				t.Fatalf("%+v, %v", got, err)
			}
			for _, v := range got.NozzleCelsius {
				if v != nil {
					return v
				}
			}
			return nil
		}
		until(t, "a temperature is known", func() bool { return warm(h) != nil })
		h.stop()
		again := owned(t, c)
		if v := warm(again); v == nil || *v < 10 || *v > 300 {
			t.Errorf("after a restart it is %v", v)
		}
	})
}
