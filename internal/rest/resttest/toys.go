package resttest

import (
	"context"
	"sync"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/access"
)

// Toys simulate nothing, for those who may ask for it.
type Toys struct {
	Access *access.Access

	mu sync.Mutex
	on bool
}

// Simulated is one serial when there is something.
func (t *Toys) Simulated() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		return nil
	}
	return []string{"01P00D000000002"}
}

// Simulate is refused to whom the server refuses it.
func (t *Toys) Simulate(_ context.Context, actor grove.Actor) error { return t.turn(actor, true) }

// Pack likewise.
func (t *Toys) Pack(_ context.Context, actor grove.Actor) error { return t.turn(actor, false) }

func (t *Toys) turn(actor grove.Actor, on bool) error {
	if err := t.Access.Authorize(actor, grove.AdminUsers, grove.Resource{}); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.on = on
	return nil
}
