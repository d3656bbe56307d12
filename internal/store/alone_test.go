package store_test

import (
	"os"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/store"
	"github.com/grovecloud/grove/internal/store/storetest"
)

func TestOneProcessDispatchesTheJobsOfADatabase(t *testing.T) {
	t.Parallel()
	cfg := store.Config{Database: storetest.Postgres(t, os.Getenv), MasterKey: storetest.MasterKey()}
	first, second := storetest.Open(t, cfg), storetest.Open(t, cfg)
	for range 3 {
		if err := first.Alone(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := second.Alone(t.Context()); !grove.HasReason(err, "another_server") {
			t.Fatalf("a second process dispatches as well: %v", err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if err := second.Alone(t.Context()); err != nil {
		t.Errorf("though the first has ended: %v", err)
	}
}
