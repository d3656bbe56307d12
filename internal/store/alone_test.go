package store_test

import (
	"os"
	"testing"
	"time"

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
	tick := time.NewTicker(10 * time.Millisecond) // the database sees in its own time that a connection has ended
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for {
		err := second.Alone(t.Context())
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("though the first has ended: %v", err)
		}
	}
}
