package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

const (
	maxFlying = 32               // requests on their way in all; one for each endpoint
	lease     = 30 * time.Second // longer than a request takes: nobody else tries meanwhile
	maxHold   = 24 * time.Hour   // the longest Retry-After that is honoured
	lookAgain = 10 * time.Minute // what came without a kick waits no longer than this
	busyWait  = 5 * time.Second  // between looks while something due cannot leave yet
)

// gaps are the waits before each attempt after the first, as the Standard
// Webhooks specification suggests: ten attempts in a bit more than three days.
var gaps = [...]time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// maxAttempts is how often a delivery is tried before it is given up.
const maxAttempts = len(gaps) + 1

// gap is the wait after an attempt (from 1), with a tenth of jitter so that
// endpoints that failed together are not tried together.
func gap(attempt int) time.Duration {
	d := gaps[min(max(attempt, 1), len(gaps))-1]
	return d + time.Duration((rand.Float64()*2-1)*0.1*float64(d)) //nolint:gosec // jitter is no secret
}

// Run delivers what is due until ctx ends, and then waits for the requests that
// are on their way.
func (h *Hooks) Run(ctx context.Context) error {
	var work sync.WaitGroup
	defer work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wait, err := h.dispatch(ctx, &work)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			h.log.Warn("webhook deliveries cannot be read", slog.Any("error", err))
			wait = busyWait
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-h.kick:
		case <-timer.C:
		}
	}
}

// dispatch sends what is due and may leave, and says when to look again.
func (h *Hooks) dispatch(ctx context.Context, work *sync.WaitGroup) (time.Duration, error) {
	now := time.Now()
	// Endpoints that cannot take anything now may be among those due.
	due, err := h.records.DueDeliveries(ctx, now, maxFlying+h.busy(now))
	if err != nil {
		return 0, fmt.Errorf("read due deliveries: %w", err)
	}
	for _, d := range due {
		if h.take(d.EndpointID, now) {
			work.Go(func() {
				defer h.done(d.EndpointID)
				h.deliver(ctx, d)
			})
		}
	}
	next, ok, err := h.records.NextDelivery(ctx)
	if err != nil {
		return 0, fmt.Errorf("read next delivery: %w", err)
	}
	switch {
	case !ok:
		return lookAgain, nil
	case next.After(now):
		return min(time.Until(next), lookAgain), nil
	}
	return busyWait, nil // due, but its endpoint is busy or wants peace
}

// busy counts the endpoints that cannot take a delivery at the moment.
func (h *Hooks) busy(now time.Time) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, until := range h.held {
		if !now.Before(until) {
			delete(h.held, id)
		}
	}
	return len(h.flying) + len(h.held)
}

// take marks an endpoint as having a request on its way, if it may have one.
func (h *Hooks) take(endpointID string, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.flying[endpointID] || len(h.flying) >= maxFlying || now.Before(h.held[endpointID]) {
		return false
	}
	h.flying[endpointID] = true
	h.metrics.flying.Inc()
	return true
}

func (h *Hooks) done(endpointID string) {
	h.mu.Lock()
	delete(h.flying, endpointID)
	h.mu.Unlock()
	h.metrics.flying.Dec()
	h.Kick() // the endpoint's next one may be due
}

func (h *Hooks) hold(endpointID string, until time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.held[endpointID] = until
}

func (h *Hooks) release(endpointID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.held, endpointID)
}

// deliver makes one attempt. Its number and the time of the next are on disk
// before the request leaves: a crash in between costs a second delivery, never
// a lost one.
func (h *Hooks) deliver(ctx context.Context, d grove.Delivery) {
	log := h.log.With(slog.String("delivery", d.ID), slog.String("endpoint", d.EndpointID))
	e, err := h.records.AnyEndpoint(ctx, d.EndpointID)
	d.Attempts++
	wait := gap(d.Attempts)
	if err == nil {
		err = h.records.BeginDelivery(ctx, d.ID, d.Attempts, time.Now().UTC().Add(max(wait, lease)))
	}
	if errors.Is(err, grove.Conflict) || errors.Is(err, grove.NotFound) {
		return // gone, or begun meanwhile, perhaps by another server of the same records
	}
	if err != nil {
		h.hold(d.EndpointID, time.Now().Add(busyWait)) // not in a tight loop
		if ctx.Err() == nil {
			log.Warn("webhook attempt cannot be begun", slog.Any("error", err))
		}
		return
	}
	a, err := h.post(ctx, e, d)
	if err != nil {
		if ctx.Err() != nil {
			return // we stop; the attempt is taken up again when its time comes
		}
		log.Debug("webhook request had no answer", slog.Any("error", err))
	}
	if err := h.settle(ctx, e, judge(d, wait, a, err), a); err != nil {
		log.Warn("webhook attempt cannot be settled, it will be repeated", slog.Any("error", err))
	}
}

// post makes the request.
func (h *Hooks) post(ctx context.Context, e grove.Endpoint, d grove.Delivery) (Answer, error) {
	begun := time.Now()
	header, err := headers(d, e.Secret, begun)
	if err != nil {
		return Answer{}, err
	}
	a, err := h.poster.Post(ctx, e.URL, header, d.Body)
	a.Took = time.Since(begun)
	h.metrics.seconds.Observe(a.Took.Seconds())
	return a, err
}
