package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
)

// outside stands for the servers of other people.
type outside struct {
	answer func(ctx context.Context, url string, nth int) (Answer, error) // nth request in all, from 1

	mu       sync.Mutex
	requests []request
}

type request struct {
	at     time.Time
	url    string
	header map[string]string
	body   string
}

func (o *outside) CheckURL(url string) error {
	if !strings.HasPrefix(url, "https://") {
		return grove.Errorf(grove.Invalid, "url_refused", "the address must begin with https://")
	}
	return nil
}

func (o *outside) Post(ctx context.Context, url string, header map[string]string, body []byte) (Answer, error) {
	o.mu.Lock()
	o.requests = append(o.requests, request{at: time.Now(), url: url, header: header, body: string(body)})
	n := len(o.requests)
	o.mu.Unlock()
	if o.answer == nil {
		return Answer{Status: http.StatusOK, Excerpt: "thanks"}, nil
	}
	return o.answer(ctx, url, n)
}

func (o *outside) seen() []request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]request(nil), o.requests...)
}

func always(a Answer) func(context.Context, string, int) (Answer, error) {
	return func(context.Context, string, int) (Answer, error) { return a, nil }
}

// bench is a running room with its records and the world outside.
type bench struct {
	*Hooks

	db    *store.DB
	world *outside
	actor grove.Actor
	other grove.Actor
}

func newBench(t *testing.T, world *outside) *bench {
	t.Helper()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	b := &bench{db: db, world: world}
	for i, actor := range []*grove.Actor{&b.actor, &b.other} {
		u, err := db.CreateUser(t.Context(), grove.User{Email: fmt.Sprintf("u%d@example.org", i), Role: grove.Operator, CreatedAt: time.Now().UTC()})
		if err != nil {
			t.Fatal(err)
		}
		*actor = grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
	}
	b.restart()
	return b
}

// restart replaces the room by a fresh one over the same records.
func (b *bench) restart() {
	b.Hooks = New(Config{Records: b.db, Poster: b.world, Log: slog.New(slog.DiscardHandler)})
}

// run runs the room until stop.
func (b *bench) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	hooks := b.Hooks
	go func() { done <- hooks.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

func (b *bench) endpoint(t *testing.T, url string) grove.Endpoint {
	t.Helper()
	e, err := b.Create(t.Context(), b.actor, Spec{URL: url, Events: []grove.EventType{grove.PrintCompleted}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// fact stores an event as every room does, which adds its deliveries.
func (b *bench) fact(t *testing.T, reason string) {
	t.Helper()
	err := b.db.AddEvents(t.Context(), []grove.Event{{
		UserID: b.actor.UserID, Type: grove.PrintCompleted, At: time.Now().UTC(),
		Data: grove.EventData{DeviceID: "P1", DeviceName: "Printer", Status: "FINISH", Reason: reason},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.Kick()
}

func (b *bench) log(t *testing.T, e grove.Endpoint) []grove.Delivery {
	t.Helper()
	list, err := b.Deliveries(t.Context(), b.actor, e.ID, grove.Page{})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}
