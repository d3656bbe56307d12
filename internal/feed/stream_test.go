package feed

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

func add(t *testing.T, f *Feed, actor grove.Actor, n int) {
	t.Helper()
	events := make([]grove.Event, n)
	for i := range events {
		events[i] = grove.Event{UserID: actor.UserID, Type: grove.JobQueued, At: time.Now(), Data: grove.EventData{FileName: strconv.Itoa(i)}}
	}
	db, ok := f.records.(*store.DB)
	if !ok {
		t.Fatal("no store")
	}
	if err := db.AddEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	f.Committed(events)
}

func next(t *testing.T, l *Listener) News {
	t.Helper()
	news, err := l.Next(t.Context(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return news
}

func TestAListenerIsGivenWhatComesAndNothingOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ann, bob := told(t)
		l, err := f.Listen(t.Context(), ann, -1)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Stop()
		go func() {
			<-time.After(time.Second)
			add(t, f, bob, 1)
			add(t, f, ann, 2)
		}()
		began := time.Now()
		got := next(t, l)
		if len(got.Events) != 2 || got.Reload || got.Last != got.Events[1].ID {
			t.Errorf("got %+v", got)
		}
		if time.Since(began) > 2*time.Second {
			t.Errorf("told after %s", time.Since(began))
		}
		if quiet, err := l.Next(t.Context(), 20*time.Second); err != nil || len(quiet.Events) != 0 || quiet.Last != got.Last {
			t.Errorf("then %+v, %v", quiet, err)
		}
		again, err := f.Listen(t.Context(), ann, got.Events[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Stop()
		if resumed := next(t, again); len(resumed.Events) != 1 || resumed.Events[0].ID != got.Last {
			t.Errorf("resumed with %+v", resumed)
		}
	})
}

func TestAListenerFarBehindIsToldToReload(t *testing.T) {
	t.Parallel()
	f, ann, _ := told(t)
	l, err := f.Listen(t.Context(), ann, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop()
	add(t, f, ann, 990)
	for n := 0; n < 990; {
		got := next(t, l)
		if n += len(got.Events); got.Reload || len(got.Events) == 0 {
			t.Fatalf("after %d: %+v", n, got)
		}
	}
	add(t, f, ann, 1100)
	got := next(t, l)
	if !got.Reload || len(got.Events) != 0 {
		t.Errorf("1100 behind: %d events, reload %t", len(got.Events), got.Reload)
	}
	add(t, f, ann, 1)
	if got = next(t, l); len(got.Events) != 1 || got.Reload {
		t.Errorf("after the reload: %+v", got)
	}
}

// TestAListenerAheadOfTheRecordsIsToldToReload is for records that were restored
// from a copy: what its reader saw since is not there, and new events have old ids.
func TestAListenerAheadOfTheRecordsIsToldToReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, ann, _ := told(t)
		add(t, f, ann, 2)
		l, err := f.Listen(t.Context(), ann, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Stop()
		got := next(t, l)
		if !got.Reload || got.Last <= 0 || got.Last >= 1_000_000 {
			t.Errorf("got %+v", got)
		}
		add(t, f, ann, 1)
		if got = next(t, l); len(got.Events) != 1 || got.Reload {
			t.Errorf("after the reload: %+v", got)
		}
	})
}

func TestAListenerEndsWithItsContextAndLeavesNothing(t *testing.T) {
	t.Parallel()
	f, ann, _ := told(t)
	l, err := f.Listen(t.Context(), ann, -1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Next(ctx, time.Minute); !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	l.Stop()
	if len(f.listeners) != 0 {
		t.Errorf("%d are left", len(f.listeners))
	}
	if _, err := f.Listen(t.Context(), grove.Actor{Kind: grove.ActorCode, Serial: "P1"}, -1); !errors.Is(err, grove.Forbidden) {
		t.Errorf("an access code listens: %v", err)
	}
}
