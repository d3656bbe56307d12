package server

import (
	"context"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

// follow collects what a stream tells.
func follow(ctx context.Context, c *client.Client, after int64) (<-chan client.News, <-chan error) {
	news, ended := make(chan client.News, 100), make(chan error, 1)
	go func() {
		var last error
		for n, err := range c.Follow(ctx, after) {
			if last = err; err == nil {
				news <- n
			}
		}
		ended <- last
	}()
	return news, ended
}

func one(t *testing.T, news <-chan client.News) client.News {
	t.Helper()
	select {
	case n := <-news:
		return n
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was told for 20 s")
	}
	return client.News{}
}

func TestTheStreamOfEventsOutlivesARestartAndMissesNothing(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		h := owned(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		news, ended := follow(ctx, h.client, 0)
		p := h.bound()
		unplug := h.plug(p)
		first := one(t, news)
		if first.Type != grove.DeviceOnline || first.Data.DeviceID != bench {
			t.Errorf("told %+v", first)
		}
		began := time.Now()
		h.stop()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("a stream held the server up for %s", took)
		}
		unplug()
		cancel()
		<-ended
		c.HTTP, c.MQTTS = h.server.webAt.Addr().String(), h.server.mqttAt.Addr().String()
		again := owned(t, c)
		ctx, cancel = context.WithCancel(t.Context())
		defer cancel()
		news, ended = follow(ctx, again.client, first.ID)
		if n := one(t, news); n.ID <= first.ID || n.Reload {
			t.Errorf("after the restart: %+v", n)
		}
		list, err := again.client.Events(ctx, first.ID)
		if err != nil || len(list) == 0 || list[0].ID <= first.ID {
			t.Errorf("the list: %+v, %v", list, err)
		}
		cancel()
		<-ended
	})
}

func TestALogoutCutsTheStreamOfEvents(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	other := h.newClient("")
	if _, err := other.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	_, ended := follow(t.Context(), h.newClient(other.Token()), -1)
	until(t, "the stream is up", func() bool { return h.server.feed.Followers() == 1 })
	began := time.Now()
	if err := other.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	until(t, "the stream is cut", func() bool { return h.server.feed.Followers() == 0 })
	if took := time.Since(began); took > time.Second {
		t.Errorf("cut after %s", took)
	}
	if err := <-ended; grove.AsError(err).Code != grove.Unauthenticated {
		t.Errorf("ended with %v", err)
	}
}
