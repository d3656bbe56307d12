package server

import (
	"context"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/queue"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func TestOldRecordsGoAndACursorFromBeforeIsTold(t *testing.T) {
	t.Parallel()
	databases(t, func(t *testing.T, c Config) {
		c.KeepDays, c.KeepAuditDays = 90, 400
		h := owned(t, c)
		me := h.userID(h.client)
		now := time.Now().UTC()
		for _, days := range []int{100, 95, 92, 10} {
			e := grove.Event{UserID: me, Type: grove.JobQueued, At: now.AddDate(0, 0, -days), Data: grove.EventData{Status: "x"}}
			if err := h.server.db.AddEvents(t.Context(), []grove.Event{e}); err != nil {
				t.Fatal(err)
			}
		}
		entry := func(days int) grove.AuditEntry {
			return grove.AuditEntry{At: now.AddDate(0, 0, -days), Actor: "system", UserID: me, Action: "test"}
		}
		if err := h.server.db.AddAudit(t.Context(), entry(500), entry(300)); err != nil {
			t.Fatal(err)
		}
		before, err := h.client.Events(t.Context(), 0)
		if err != nil || len(before) != 4 {
			t.Fatalf("%+v, %v", before, err)
		}
		until(t, "it knows the time", func() bool { return h.server.queue.MayForget(t.Context()) == nil })
		if err := h.server.prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		left, err := h.client.Events(t.Context(), 0)
		if err != nil || len(left) != 1 || left[0].ID != before[3].ID {
			t.Errorf("left %+v, %v", left, err)
		}
		entries, err := h.server.db.Audit(t.Context(), me, grove.Page{})
		if err != nil {
			t.Fatal(err)
		}
		tests := 0
		for _, e := range entries.Items {
			if e.Action == "test" {
				tests++
			}
		}
		if tests != 1 {
			t.Errorf("%d entries are left", tests)
		}

		if _, err := h.client.Events(t.Context(), before[0].ID); !grove.HasReason(err, "cursor_too_old") {
			t.Errorf("the list after an event that is gone: %v", err)
		}
		if list, err := h.client.Events(t.Context(), before[2].ID); err != nil || len(list) != 1 {
			t.Errorf("the list after the last that is gone: %+v, %v", list, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		news, ended := follow(ctx, h.client, before[0].ID)
		if n := one(t, news); !n.Reload || n.ID != before[3].ID {
			t.Errorf("the stream after an event that is gone: %+v", n)
		}
		h.happens(me, "P1", grove.JobStarted)
		if n := one(t, news); n.Reload || n.Type != grove.JobStarted {
			t.Errorf("and then: %+v", n)
		}
		cancel()
		<-ended
	})
}

func TestNothingIsRemovedByAClockThatJumped(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.KeepDays = 7
	var ahead atomic.Int64
	s, err := open(t.Context(), c, func(q *queue.Config) {
		q.Wall = func() time.Time { return time.Now().Round(0).Add(time.Duration(ahead.Load())) }
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	until(t, "it knows the time", func() bool { return s.queue.MayForget(t.Context()) == nil })
	for range 2 {
		e := grove.Event{UserID: 1, Type: grove.JobQueued, At: time.Now().AddDate(0, 0, -8)}
		if err := s.db.AddEvents(t.Context(), []grove.Event{e}); err != nil {
			t.Fatal(err)
		}
	}
	left := func() int {
		t.Helper()
		if err := s.prune(t.Context()); err != nil && !grove.HasReason(err, "time_unsure") {
			t.Fatal(err)
		}
		list, err := s.db.Events(t.Context(), 1, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	s.queue.Clock()
	ahead.Store(int64(10 * 365 * 24 * time.Hour))
	if n := left(); n != 2 {
		t.Errorf("%d of 2 are left after a jump", n)
	}
	if _, err := s.queue.ConfirmClock(t.Context(), grove.Actor{Kind: grove.ActorSystem}); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 1 { // the newest stays
		t.Errorf("%d are left once the time is confirmed", n)
	}
}

func TestNobodyForgetsTooSoonByMistake(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Config){
		func(c *Config) { c.KeepDays = 6 }, func(c *Config) { c.KeepDays = -1 }, func(c *Config) { c.KeepAuditDays = 399 },
	} {
		c := testConfig(t)
		change(&c)
		if err := c.check(); !grove.HasReason(err, "bad_keep") {
			t.Errorf("keep %d and %d days: %v", c.KeepDays, c.KeepAuditDays, err)
		}
	}
}

// Of two servers on one database the one that does not dispatch has not looked when
// there was work last, so its clock counts for nothing.
func TestWhoDoesNotDispatchForgetsNothing(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Database = storetest.Postgres(t, os.Getenv)
	c.KeepDays = 7
	first := start(t, c)
	until(t, "the first server dispatches", func() bool { return first.server.queue.MayForget(t.Context()) == nil })
	key, err := os.ReadFile(filepath.Join(c.Data, "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	c.Data = t.TempDir()
	if err := os.WriteFile(filepath.Join(c.Data, "master.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	second := start(t, c)
	me := grove.Event{UserID: 1, Type: grove.JobQueued, At: time.Now().AddDate(0, 0, -8)}
	if err := first.server.db.AddEvents(t.Context(), []grove.Event{me, me}); err != nil {
		t.Fatal(err)
	}
	left := func() int {
		t.Helper()
		list, err := first.server.db.Events(t.Context(), 1, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	for what, forget := range map[string]func(context.Context) error{"records": second.server.prune, "files": second.server.library.Sweep} {
		if err := forget(t.Context()); !grove.HasReason(err, "another_server") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := left(); n != 2 {
		t.Errorf("%d of 2 are left", n)
	}
	if err := first.server.prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := left(); n != 1 { // the newest stays
		t.Errorf("%d are left where jobs are dispatched", n)
	}
}
