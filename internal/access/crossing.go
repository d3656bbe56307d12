package access

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// tellAgain is when it is tried again to store that a bridge came or went.
const tellAgain = 5 * time.Second

// crossings are the bridges whose owners are to be told that they came, or were away for
// longer than the grace.
type crossings struct {
	grace time.Duration
	wake  chan struct{}

	mu  sync.Mutex
	now map[string]crossing // by id; only what was not told yet, and who is connected
}

// crossing is how a bridge stands.
type crossing struct {
	epoch     int64
	connected bool
	told      bool
	due       time.Time // to be told
}

func newCrossings(grace time.Duration) *crossings {
	return &crossings{grace: grace, wake: make(chan struct{}, 1), now: map[string]crossing{}}
}

// BridgeMoved is told that a bridge came in for the epoch'th time, or that this
// connection of it ended. It does not block.
func (a *Access) BridgeMoved(id string, epoch int64, connected bool) {
	now := time.Now()
	a.crossings.mu.Lock()
	before, known := a.crossings.now[id]
	if known && epoch < before.epoch {
		a.crossings.mu.Unlock()
		return // it is back already
	}
	after := crossing{epoch: epoch, connected: connected, due: now}
	if !connected {
		after.due = now.Add(a.crossings.grace)
	}
	a.crossings.now[id] = after
	a.crossings.mu.Unlock()
	select {
	case a.crossings.wake <- struct{}{}:
	default:
	}
}

// tellOfBridges tells the owners of bridges until ctx ends.
func (a *Access) tellOfBridges(ctx context.Context) error {
	for err := a.awaitBridges(ctx); err != nil; err = a.awaitBridges(ctx) {
		a.log.Warn("bridges not awaited", slog.Any("error", err))
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(tellAgain):
		}
	}
	for {
		wait := a.tellDue(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-a.crossings.wake:
		case <-time.After(wait):
		}
	}
}

// awaitBridges gives those that were connected before the server stopped the grace to
// come back.
func (a *Access) awaitBridges(ctx context.Context) error {
	ids, err := a.records.ToldBridges(ctx)
	if err != nil {
		return err
	}
	a.crossings.mu.Lock()
	defer a.crossings.mu.Unlock()
	for _, id := range ids {
		if _, here := a.crossings.now[id]; !here {
			a.crossings.now[id] = crossing{due: time.Now().Add(a.crossings.grace)}
		}
	}
	return nil
}

// tellDue tells what is due and gives when to look again.
func (a *Access) tellDue(ctx context.Context) time.Duration {
	wait := time.Hour
	for id, at := range a.crossings.untold() {
		if left := time.Until(at.due); left > 0 {
			wait = min(wait, left)
			continue
		}
		if err := a.records.TellBridge(ctx, id, at.connected, a.crossings.news(at)); err != nil {
			a.log.Warn("whether a bridge is connected not stored", slog.String("bridge", id), slog.Any("error", err))
			wait = min(wait, tellAgain)
			continue
		}
		a.crossings.settle(id, at)
	}
	return wait
}

// untold is a copy of what is to be told.
func (s *crossings) untold() map[string]crossing {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := map[string]crossing{}
	for id, at := range s.now {
		if !at.told {
			due[id] = at
		}
	}
	return due
}

// settle notes that something was told, unless it changed meanwhile.
func (s *crossings) settle(id string, told crossing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now[id] != told {
		return
	}
	if !told.connected {
		delete(s.now, id)
		return
	}
	told.told = true
	s.now[id] = told
}

func (s *crossings) news(at crossing) func(b grove.Bridge) []grove.Event {
	return func(b grove.Bridge) []grove.Event {
		e := grove.Event{
			UserID: b.UserID, Type: grove.BridgeConnected, At: time.Now().UTC(),
			Data: grove.EventData{BridgeID: b.ID, BridgeName: b.Name, Status: "connected"},
		}
		if !at.connected {
			e.Type, e.Data.Status = grove.BridgeDisconnected, "disconnected"
			e.Data.Reason = "it was away for " + s.grace.String() + "; see that grove bridge runs there and reaches this cloud"
		}
		return []grove.Event{e}
	}
}
