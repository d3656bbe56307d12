package webhook

import (
	"context"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// The statuses of an answer that mean more than "not delivered".
const (
	statusGone           = 410
	statusTooMany        = 429
	statusBadGateway     = 502
	statusUnavailable    = 503
	statusGatewayTimeout = 504
)

// goneReason is why an endpoint was switched off.
const goneReason = "the server answered 410 Gone, which asks for no more deliveries; switch the endpoint on again if that was a mistake"

// judge says what an attempt has led to. wait is the planned wait until the next.
// Redirects are failures: where they lead was never checked.
func judge(d grove.Delivery, wait time.Duration, a Answer, err error) grove.Delivery {
	now := time.Now().UTC()
	d.LastStatus, d.LastResponse, d.LastError, d.LastSeconds = a.Status, a.Excerpt, "", a.Took.Round(time.Millisecond).Seconds()
	if err == nil && a.Status >= 200 && a.Status < 300 {
		d.State, d.DeliveredAt, d.NextAt = grove.DeliveryDelivered, now, time.Time{}
		return d
	}
	d.LastError = words(a, err)
	if d.Attempts >= maxAttempts || a.Status == statusGone {
		d.State, d.NextAt = grove.DeliveryFailed, time.Time{}
		return d
	}
	d.State, d.NextAt = grove.DeliveryPending, now.Add(max(wait, a.pause()))
	return d
}

func words(a Answer, err error) string {
	if err != nil {
		return grove.AsError(err).Message
	}
	if a.Status >= 300 && a.Status < 400 {
		return fmt.Sprintf("the server answered %d; redirects are not followed, enter the final address", a.Status)
	}
	return fmt.Sprintf("the server answered %d", a.Status)
}

// pause is how long the endpoint wants to be left in peace.
func (a Answer) pause() time.Duration {
	switch a.Status {
	case statusTooMany, statusBadGateway, statusUnavailable, statusGatewayTimeout:
		return min(a.RetryAfter, maxHold)
	}
	return 0
}

// settle saves what became of an attempt, also while the server stops.
func (h *Hooks) settle(ctx context.Context, e grove.Endpoint, d grove.Delivery, a Answer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	h.count(d)
	if pause := a.pause(); pause > 0 {
		h.hold(d.EndpointID, time.Now().Add(pause))
	}
	if err := h.records.SettleDelivery(ctx, d); err != nil {
		return fmt.Errorf("settle delivery: %w", err)
	}
	h.tell(d)
	if a.Status != statusGone {
		return nil
	}
	act := grove.Actor{Kind: grove.ActorSystem, UserID: e.UserID}.Did("webhook.disable", e.ID)
	if err := h.records.DisableEndpoint(ctx, e.ID, goneReason, act); err != nil {
		return fmt.Errorf("disable endpoint: %w", err)
	}
	return nil
}

func (h *Hooks) count(d grove.Delivery) {
	outcome := outcomeRetry
	switch d.State {
	case grove.DeliveryDelivered:
		outcome = outcomeDelivered
	case grove.DeliveryFailed:
		outcome = outcomeFailed
	case grove.DeliveryPending:
	}
	h.metrics.attempts.WithLabelValues(outcome).Inc()
}
