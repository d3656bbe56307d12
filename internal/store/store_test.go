package store_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

// each runs a contract test on SQLite and on PostgreSQL.
func each(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, os.Getenv, test)
}

// noon is the time of most records here; the store keeps milliseconds.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 123_000_000, time.UTC)

// must gives a value that may not fail to come.
func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused demands an error of this code and reason.
func refused(t *testing.T, err error, code grove.Code, reason string) {
	t.Helper()
	if !errors.Is(err, code) || !grove.HasReason(err, reason) {
		t.Fatalf("got %v (%T), want %s %s", err, err, code, reason)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("got what is marked +, want what is marked -\n%s", diff)
	}
}

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}
