package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// sluggish is a world whose slow servers answer just in time.
func sluggish() *outside {
	return &outside{answer: func(_ context.Context, url string, n int) (Answer, error) {
		if strings.Contains(url, "slow") {
			<-time.After(14*time.Second + time.Duration(n%97)*time.Millisecond)
		}
		return Answer{Status: 200}, nil
	}}
}

// flood makes slow endpoints with a long backlog, and one that answers at once.
func (b *bench) flood(t *testing.T, slow int, quickOf grove.Actor) (quick grove.Endpoint) {
	t.Helper()
	for i := range slow {
		b.endpoint(t, fmt.Sprintf("https://example.org/slow%d", i))
	}
	for range 5 { // more than they take in a minute
		b.fact(t, "backlog")
	}
	owner := b.actor
	b.actor = quickOf
	return b.endpoint(t, "https://example.org/quick"+owner.String())
}

func TestSlowEndpointsHoldUpNoneOfTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sluggish())
		quick := b.flood(t, 40, b.actor)
		defer b.run(t)()
		<-time.After(time.Second)
		b.fact(t, "for the quick one")
		<-time.After(30 * time.Second)
		for _, d := range b.log(t, quick) {
			if d.State != grove.DeliveryDelivered {
				t.Errorf("after half a minute: %s, %d attempts", d.State, d.Attempts)
			}
		}
	})
}

// However many endpoints somebody has, the next free place is for whoever was
// served longest ago.
func TestOneUsersEndpointsHoldUpNobodyElses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, sluggish())
		quick := b.flood(t, maxEndpoints, b.other)
		defer b.run(t)()
		<-time.After(time.Second)
		for range 10 {
			b.fact(t, "for the quick one")
		}
		<-time.After(20 * time.Second)
		for _, d := range b.log(t, quick) {
			if d.State != grove.DeliveryDelivered {
				t.Errorf("after 20 s: %s, %d attempts", d.State, d.Attempts)
			}
		}
	})
}

// unread is a database that cannot be read for a while.
type unread struct {
	*store.DB

	fails int
}

func (u *unread) DueDeliveries(ctx context.Context, now time.Time, limit int) ([]grove.Delivery, error) {
	if u.fails > 0 {
		u.fails--
		return nil, errors.New("database is locked")
	}
	return u.DB.DueDeliveries(ctx, now, limit)
}

func TestAFailedReadCostsSecondsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		b.endpoint(t, "https://example.org/hook")
		b.fact(t, "")
		b.Hooks = New(Config{Records: &unread{DB: b.db, fails: 1}, Poster: b.world, Log: slog.New(slog.DiscardHandler)})
		defer b.run(t)()
		<-time.After(busyWait + time.Second)
		if len(b.world.seen()) != 1 {
			t.Error("after one failed read the delivery has not left")
		}
	})
}

// stale is a database that once gives what was due a moment ago.
type stale struct {
	*store.DB

	reads int
	first []grove.Delivery
}

func (s *stale) DueDeliveries(ctx context.Context, now time.Time, limit int) ([]grove.Delivery, error) {
	if s.reads++; s.reads == 2 {
		return s.first, nil
	}
	due, err := s.DB.DueDeliveries(ctx, now, limit)
	if s.reads == 1 {
		s.first = due
	}
	return due, err
}

func TestADeliveryMadeMeanwhileHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, &outside{})
		b.endpoint(t, "https://example.org/hook")
		b.fact(t, "one")
		b.fact(t, "two")
		b.Hooks = New(Config{Records: &stale{DB: b.db}, Poster: b.world, Log: slog.New(slog.DiscardHandler)})
		defer b.run(t)()
		<-time.After(time.Second)
		if n := len(b.world.seen()); n != 2 {
			t.Errorf("%d requests, want 2", n)
		}
	})
}
