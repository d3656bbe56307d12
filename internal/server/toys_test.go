package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/queue"
)

// Who runs a server can look around with simulated printers, which are there again
// after a restart, and can be taken away for good.
func TestAnOwnerTriesSimulatedPrinters(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	h := owned(t, c)
	if all, err := h.client.Simulated(t.Context()); err != nil || len(all) != 0 {
		t.Fatalf("before: %v %v", all, err)
	}
	all, err := h.client.Simulate(t.Context())
	if err != nil || len(all) != 3 {
		t.Fatalf("simulate: %v %v", all, err)
	}
	for _, serial := range all {
		h.connected(serial)
		live, err := h.server.fleet.Now(serial)
		if serial == "01P00D000000002" && !live.PlateClear {
			t.Errorf("the plate of %s, on which nothing ever lay, waits for somebody to look", serial)
		}
		if itself := serial == "00M00D000000001"; err != nil || live.AutoClear != itself {
			t.Errorf("%s clears its plate by itself: %v, want %v %v", serial, live.AutoClear, itself, err)
		}
	}
	if _, err := h.client.Simulate(t.Context()); !errors.Is(err, grove.Conflict) {
		t.Errorf("simulated twice: %v", err)
	}
	h.stop()
	again := owned(t, c)
	for _, serial := range all {
		again.connected(serial)
	}
	if _, err := again.server.db.UpdatePrinter(t.Context(), "01P00D000000002", func(p *grove.Printer, _ *grove.Job) ([]grove.Event, error) {
		p.PlateClear = false // as after a print
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := again.client.EndSimulated(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list, err := again.client.Printers(t.Context(), grove.Page{Limit: 10}); err != nil || len(list.Items) != 0 {
		t.Errorf("still there: %d %v", len(list.Items), err)
	}
	until(t, "their links end", func() bool { return again.links() == 0 })
	if err := again.client.EndSimulated(t.Context()); !errors.Is(err, grove.NotFound) {
		t.Errorf("taken away twice: %v", err)
	}
	if _, err := again.client.Simulate(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	if live, err := again.server.fleet.Now("01P00D000000002"); err != nil || !live.PlateClear {
		t.Errorf("once more, its plate waits for somebody to look: %v", err)
	}
}

// Whatever became of them, they keep no server from starting.
func TestSimulatedPrintersThatWentAreNoHindrance(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	h := owned(t, c)
	all, err := h.client.Simulate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	me, err := h.server.db.UserByEmail(t.Context(), ownerEmail)
	if err != nil {
		t.Fatal(err)
	}
	owner := grove.Actor{Kind: grove.ActorUser, UserID: me.ID}
	if err := h.server.fleet.Unbind(t.Context(), owner, all[0]); err != nil {
		t.Fatal(err)
	}
	bob, err := h.server.access.AddUser(t.Context(), "bob@example.org", ownerPassword, "Bob", grove.Operator)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.server.fleet.Bind(t.Context(), grove.Actor{Kind: grove.ActorUser, UserID: bob.ID}, fleet.Binding{Serial: all[0]}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	again := owned(t, c)
	for _, serial := range all[1:] {
		again.connected(serial)
	}
	if now, err := again.client.Simulated(t.Context()); err != nil || len(now) != 2 {
		t.Errorf("simulated: %v %v", now, err)
	}
	again.stop()
	if err := os.WriteFile(filepath.Join(again.info.Data, "simulated-printers.json"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	last := owned(t, c)
	if now, err := last.client.Simulated(t.Context()); err != nil || len(now) != 0 {
		t.Errorf("of a file that was cut off: %v %v", now, err)
	}
	// One of the three is Bob's: none is bound, and the next try says the same.
	for range 2 {
		if _, err := last.client.Simulate(t.Context()); !errors.Is(err, grove.Conflict) {
			t.Errorf("simulated a printer of somebody else: %v", err)
		}
	}
}

// noClearing are records that fail whoever says that a plate is clear, while so told.
type noClearing struct {
	queue.Records
	fails *atomic.Bool
}

func (r noClearing) UpdatePrinter(ctx context.Context, serial string, fn func(*grove.Printer, *grove.Job) ([]grove.Event, error), acts ...grove.AuditEntry) (grove.Printer, error) {
	if r.fails.Load() && len(acts) == 1 && acts[0].Action == "plate.clear" {
		return grove.Printer{}, errors.New("the disk is full")
	}
	return r.Records.UpdatePrinter(ctx, serial, fn, acts...)
}

// Where one of them can't be had as it should be, none is kept.
func TestSimulatedPrintersAreAllThereOrNone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var fails atomic.Bool
	s, err := open(ctx, testConfig(t), func(c *queue.Config) { c.Records = noClearing{c.Records, &fails} })
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}()
	ann, err := s.access.AddUser(ctx, ownerEmail, ownerPassword, "Ann", grove.Owner)
	if err != nil {
		t.Fatal(err)
	}
	owner := grove.Actor{Kind: grove.ActorUser, UserID: ann.ID}
	if _, err := s.fleet.Bind(ctx, owner, fleet.Binding{Serial: allToys()[1].serial}); err != nil { // one of whose plate nobody knows
		t.Fatal(err)
	}
	fails.Store(true)
	if err := s.toys.Simulate(ctx, owner); err == nil {
		t.Error("simulated, though a plate could not be said to be clear")
	}
	if left := s.fleet.Owned(ann.ID); len(left) != 0 || len(s.toys.kept.Secrets) != 0 {
		t.Errorf("%d printers and %d secrets are left", len(left), len(s.toys.kept.Secrets))
	}
	fails.Store(false)
	if err := s.toys.Simulate(ctx, owner); err != nil {
		t.Errorf("once more: %v", err)
	}
	if now := s.toys.Simulated(); len(now) != len(allToys()) {
		t.Errorf("simulated: %v", now)
	}
}

// Beside a printer that is there, what asks for any goes to that alone.
func TestAJobOfAnyPrinterIsNotForTheSimulatedOnes(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	file := h.upload()
	toys, err := h.client.Simulate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	simulated := func() (serials []string) {
		t.Helper()
		fits, err := h.client.PreviewFit(t.Context(), cloudapi.JobWish{FileID: file.FileID, Any: &grove.Criteria{}})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range fits {
			if slices.ContainsFunc(f.Misfits, func(m grove.Misfit) bool { return m.Reason == grove.MisfitSimulated }) {
				serials = append(serials, f.Serial)
			}
		}
		slices.Sort(serials)
		return serials
	}
	if got := simulated(); len(got) != 0 {
		t.Errorf("left out while there is nothing else: %v", got)
	}
	h.bound()
	slices.Sort(toys)
	if got := simulated(); !slices.Equal(got, toys) {
		t.Errorf("left out: %v, want %v", got, toys)
	}
}
