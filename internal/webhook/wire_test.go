package webhook_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/post"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/webhook"
)

// A receiver that uses the official library takes what goes over a real wire.
func TestARealReceiverTakesIt(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "grove.db"), MasterKey: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	u, err := db.CreateUser(t.Context(), grove.User{Email: "ann@example.org", Role: grove.Operator, CreatedAt: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	secret, verified := make(chan string, 1), make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		wh, err := standardwebhooks.NewWebhook(<-secret)
		if err != nil {
			t.Error(err)
			return
		}
		verified <- wh.Verify(body, r.Header)
	}))
	t.Cleanup(srv.Close)
	sender := post.New(post.Config{AllowLoopback: true})
	t.Cleanup(sender.Close)
	reg := prometheus.NewRegistry()
	hooks := webhook.New(webhook.Config{Records: db, Poster: sender, Registry: reg, Log: slog.New(slog.DiscardHandler)})
	actor := grove.Actor{Kind: grove.ActorUser, UserID: u.ID}
	e, err := hooks.Create(t.Context(), actor, webhook.Spec{URL: srv.URL, Events: grove.EventTypes()})
	if err != nil {
		t.Fatal(err)
	}
	secret <- string(e.Secret)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- hooks.Run(ctx) }()
	if _, err := hooks.Test(t.Context(), actor, e.ID, 0); err != nil {
		t.Fatal(err)
	}
	if err := <-verified; err != nil {
		t.Errorf("the official library refuses it: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n, err := testutil.GatherAndCount(reg, "grove_webhook_attempts_total", "grove_webhook_attempt_seconds", "grove_webhook_in_flight"); n < 2 || err != nil {
		t.Errorf("%d metrics, %v", n, err)
	}
}
