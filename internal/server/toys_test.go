package server

import (
	"errors"
	"testing"

	"github.com/grovecloud/grove"
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
	}
	if _, err := h.client.Simulate(t.Context()); !errors.Is(err, grove.Conflict) {
		t.Errorf("simulated twice: %v", err)
	}
	h.stop()
	again := owned(t, c)
	for _, serial := range all {
		again.connected(serial)
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
}
